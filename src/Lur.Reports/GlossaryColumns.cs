namespace Lur.Reports;

/// <content>Columns of the logs. Properties and not fields: fields of two files have no order of initialisation.</content>
public static partial class Glossary
{
    private static GlossaryEntry[] Columns =>
        [
            new(
                "step",
                "Step",
                "Number of the update, from 1.",
                "One step is one update of the weights from one batch, or one batch of each set."
            ),
            new(
                "epoch",
                "Epoch",
                "Number of the pass over the data, from 1.",
                "How many steps it has depends on --epoch-mode and --batch."
            ),
            new(
                "retain_loss",
                "Retain loss",
                "Mean cross-entropy of the step's retain batch, in nats.",
                "It should end near where it began; a rise says that what is kept suffers.",
                "nats"
            ),
            new(
                "forget_loss_at_theta",
                "Forget loss at theta",
                "The forget loss of the same batch before the look-ahead step; measured every --probe-every steps.",
                "Where it is lower than the forget loss, the simulated retain step brings some of the forgotten back.",
                "nats"
            ),
            new(
                "forget_loss",
                "Forget loss",
                "Mean of what the method minimises on the forget batch, in its own sign; for LUR at the weights after the look-ahead step.",
                "The negative cross-entropy falls without bound: where it does not level off, --forget-loss bounded or a "
                    + "smaller --lambda helps.",
                "nats"
            ),
            new(
                "forget_accuracy",
                "Forget accuracy",
                "Share of the step's forget batch that is classified as labelled.",
                "100 minus UA, on one batch and with augmentation: noisy, and early to tell.",
                "%",
                "forgetAccuracy"
            ),
            new(
                "retain_gradient",
                "Retain gradient",
                "Euclidean norm of the gradient g of the retain loss.",
                "Compare it with the forget gradient: the longer one decides the direction.",
                "",
                "|g|"
            ),
            new(
                "forget_gradient",
                "Forget gradient",
                "Euclidean norm of the gradient v of the forget loss.",
                "A value that grows from step to step announces divergence.",
                "",
                "|v|"
            ),
            new(
                "cosine",
                "Cosine",
                "Cosine of the angle between the retain and the forget gradient.",
                "Above 0 a step serves both aims; below 0 they conflict, and what is kept pays for what is forgotten."
            ),
            new(
                "second_order_share",
                "Second-order share",
                "alpha |h| / |v|: length of the Hessian's correction over that of the forget gradient, h = H_r v.",
                "Below a few percent the first-order variant (--hvp none) would do the same and costs less.",
                "",
                "alpha|h|/|v|"
            ),
            new(
                "parameter_norm",
                "Parameter norm",
                "Euclidean norm of all trainable weights before the step.",
                "The scale against which distances and look-ahead steps are judged.",
                "",
                "|theta|"
            ),
            new(
                "look_ahead_norm",
                "Look-ahead norm",
                "|alpha g|: length of the simulated retain step of LUR.",
                "Above 1 % of the parameter norm the look-ahead leaves the neighbourhood; lower --alpha or set --look-ahead-cap.",
                "",
                "|alpha g|"
            ),
            new(
                "skipped",
                "Skipped",
                "1 where a loss or a norm was not finite and the update was not made.",
                "A few are harmless; ten in a row end the run."
            ),
            new(
                "learning_rate",
                "Learning rate",
                "Learning rate of the epoch's last step, from --lr and --schedule.",
                "A jump in the loss at its peak says that --lr is too large.",
                "",
                "lr"
            ),
            new(
                "loss",
                "Loss",
                "Mean cross-entropy over the epoch's batches, in nats.",
                "ln(classes) is guessing: 2.30 for ten classes.",
                "nats",
                "testLoss"
            ),
            new(
                "accuracy",
                "Accuracy",
                "Share of images classified as labelled; in the log of a training over the epoch's batches, with augmentation.",
                "In the log it lies below the accuracy without augmentation; watch the direction.",
                "%"
            ),
            new(
                "validation_loss",
                "Validation loss",
                "Mean cross-entropy on the held-out images (--validation), in nats.",
                "A rise while the training loss falls is overfitting.",
                "nats"
            ),
            new(
                "validation_accuracy",
                "Validation accuracy",
                "Accuracy on the held-out images (--validation).",
                "The number to choose options by; the test set is for the end.",
                "%"
            ),
            new(
                "method",
                "Method",
                "The unlearning method, with the options in which its rows differ.",
                "'lur methods NAME' explains one.",
                "",
                "options"
            ),
            new(
                "seeds",
                "Seeds",
                "Number of runs of one method that were averaged.",
                "One seed has no deviation: differences of a point then mean nothing.",
                "",
                "runs",
                "std",
                "deviation"
            ),
        ];
}
