/* Includes LEVEL_BODY for each type of one level; see _each_level.h. */
#define T float
#define S f
#define SQUARE_ROOT sqrtf
#include LEVEL_BODY
#undef T
#undef S
#undef SQUARE_ROOT
#define T double
#define S d
#define SQUARE_ROOT sqrt
#include LEVEL_BODY
#undef T
#undef S
#undef SQUARE_ROOT
