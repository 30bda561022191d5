"""A callback that does something between epochs."""


class AfterEpochs:
    """Call an action, without arguments, after each epoch."""

    def __init__(self, action):
        self.action = action

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.action()
