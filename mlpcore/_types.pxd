# The one pair of floating-point types that every kernel is written for.
ctypedef fused real:
    float
    double
