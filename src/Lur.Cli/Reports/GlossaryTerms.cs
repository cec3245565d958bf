namespace Lur.Cli.Reports;

/// <content>The terms. Properties and not fields: fields of two files have no order of initialisation.</content>
internal static partial class Glossary
{
    private static GlossaryEntry[] Metrics =>
    [
        new("ua", "UA, unlearning accuracy", "Share of the forget set that is misclassified: 100 minus the accuracy on it.",
            "The aim is the value of a retrained model, not 100 %: for a random set that is near the test error, for a whole class near 100 %.", "%", "unlearningAccuracy"),
        new("ra", "RA, retain accuracy", "Accuracy on the retain set: the training images that are to be kept.",
            "Nearer to a retrained model's is better; a fall of several points is damage.", "%", "retainAccuracy"),
        new("ta", "TA, test accuracy", "Accuracy on the test set, without the classes that were forgotten whole.",
            "Nearer to a retrained model's is better; it says whether the model still generalises.", "%", "testAccuracy"),
        new("fta", "FTA, forgotten-class test accuracy", "Share of the test images of the forgotten classes that are still classified as them.",
            "A model that never saw a class scores 0 %; the metric exists only where a whole class was forgotten.", "%", "forgottenClassTestAccuracy"),
        new("mia", "MIA, membership inference attack", "Share of the forget set that an attack on the confidence takes for images never trained on (support vector machine, RBF kernel).",
            "The aim is the value of a retrained model, not 100 %; the attack is weak, so agreement is no proof.", "%", "membershipInference", "forgetEfficacy"),
        new("training_privacy", "Training privacy", "How well the same attack tells retain images from test images: mean of its true positive and true negative rate.",
            "0.5 is guessing; what lies above it is what the model gives away of its training set.", "", "trainingPrivacy"),
        new("gap", "Gap, average gap to Retrain", "Mean distance to the retrained model in UA, RA, TA and MIA, in percentage points.",
            "Smaller is better; there is none without a retrained model and all four numbers of both.", "points", "averageGap", "avgGap"),
        new("tow", "ToW, tug of war", "Product over forget, retain and test set of 1 - |accuracy - Retrain's accuracy|, accuracies as shares.",
            "1 scores like the retrained model everywhere, 0 is wholly off somewhere; MIA is not part of it.", "", "tugOfWar"),
        new("rte", "RTE, run-time efficiency", "Time that unlearning took: preparations and steps, without the evaluations before and after.",
            "Compare it with Retrain's on the same device only; other devices and batch sizes give other ratios.", "s", "seconds", "time"),
        new("memory", "Memory, on the device", "Bytes a step holds on the device: arena, parameters, gradients and the vectors of the method.",
            "It decides whether a method fits; images and the evaluation are not counted.", "", "deviceBytes", "arena"),
        new("weight_distance", "Weight distance", "Euclidean norm of the difference between the weights before and after, also relative to the weights before.",
            "A small distance means the old model is near: what was forgotten often comes back within a few steps of training.", "", "weightDistance", "distance"),
        new("relearning", "Relearning curve", "Forget and test accuracy while the unlearned model is trained again, step by step.",
            "A curve that rises faster than that of a model which never saw the forget set shows that it was hidden, not forgotten.", "%", "relearningCurve"),
        new("class_damage", "Class damage", "Change of the test accuracy of each kept class, in points, and the class that lost most.",
            "One class that lost much is worse than all losing a little, and the average hides it.", "points", "classDamage", "perClass", "perClassTestAccuracy"),
        new("over_forgetting", "Over-forgetting", "Whether the forget set is treated worse than images never seen: less accuracy or more loss than a retrained model or a guess.",
            "A model that avoids the right answer gives away that it knows it.", "", "overForgetting"),
    ];

    private static GlossaryEntry[] Verdicts =>
    [
        new("MatchesRetrain", "Matches Retrain", "All four numbers lie within the band around the retrained model's.",
            "The model scores like one that never saw the forget set; that is no proof that nothing is left."),
        new("UnderForgotten", "Under-forgotten", "UA or MIA lies below the band: the forget set is closer to being known than it is for Retrain.",
            "Forget more: a larger --lambda, a larger --lr, more --epochs."),
        new("OverForgotten", "Over-forgotten", "UA or MIA lies above the band, or RA or TA below it: more was lost than Retrain loses.",
            "Forget less: a smaller --lambda or --lr, or a bounded --forget-loss."),
        new("Collapsed", "Collapsed", "RA or TA lies more than ten points below Retrain's, or below half of it where that is less than 20 %.",
            "The model is broken, whatever UA says: lower --lr first."),
        new("Withheld", "Withheld", "There is no retrained model to compare with, or one of the four numbers is missing.",
            "Train a reference with 'lur forget --method retrain'; without one, forgetting and damage cannot be told apart."),
        new("verdict", "Verdict", "How the unlearned model compares with a retrained one, in one word.",
            "MatchesRetrain is the aim; 'lur explain' knows the others: UnderForgotten, OverForgotten, Collapsed, Withheld."),
        new("band", "Band", "Two standard deviations of the difference between single runs; from the number of samples where there is one seed only.",
            "A gap within the band is within the spread of runs; more seeds make the band honest.", "points"),
    ];

    private static GlossaryEntry[] Columns =>
    [
        new("step", "Step", "Number of the update, from 1.", "One step is one update of the weights from one batch, or one batch of each set."),
        new("epoch", "Epoch", "Number of the pass over the data, from 1.", "How many steps it has depends on --epoch-mode and --batch."),
        new("retain_loss", "Retain loss", "Mean cross-entropy of the step's retain batch, in nats.", "It should end near where it began; a rise says that what is kept suffers.", "nats"),
        new("forget_loss_at_theta", "Forget loss at theta", "The forget loss of the same batch before the look-ahead step; measured every --probe-every steps.",
            "Where it is lower than the forget loss, the simulated retain step brings some of the forgotten back.", "nats"),
        new("forget_loss", "Forget loss", "Mean of what the method minimises on the forget batch, in its own sign; for LUR at the weights after the look-ahead step.",
            "The negative cross-entropy falls without bound: where it does not level off, --forget-loss bounded or a smaller --lambda helps.", "nats"),
        new("forget_accuracy", "Forget accuracy", "Share of the step's forget batch that is classified as labelled.", "100 minus UA, on one batch and with augmentation: noisy, and early to tell.", "%", "forgetAccuracy"),
        new("retain_gradient", "Retain gradient", "Euclidean norm of the gradient g of the retain loss.", "Compare it with the forget gradient: the longer one decides the direction.", "", "|g|"),
        new("forget_gradient", "Forget gradient", "Euclidean norm of the gradient v of the forget loss.", "A value that grows from step to step announces divergence.", "", "|v|"),
        new("cosine", "Cosine", "Cosine of the angle between the retain and the forget gradient.", "Above 0 a step serves both aims; below 0 they conflict, and what is kept pays for what is forgotten."),
        new("second_order_share", "Second-order share", "alpha |h| / |v|: length of the Hessian's correction over that of the forget gradient, h = H_r v.",
            "Below a few percent the first-order variant (--hvp none) would do the same and costs less.", "", "alpha|h|/|v|"),
        new("parameter_norm", "Parameter norm", "Euclidean norm of all trainable weights before the step.", "The scale against which distances and look-ahead steps are judged.", "", "|theta|"),
        new("look_ahead_norm", "Look-ahead norm", "|alpha g|: length of the simulated retain step of LUR.", "Above 1 % of the parameter norm the look-ahead leaves the neighbourhood; lower --alpha or set --look-ahead-cap.", "", "|alpha g|"),
        new("skipped", "Skipped", "1 where a loss or a norm was not finite and the update was not made.", "A few are harmless; ten in a row end the run."),
        new("learning_rate", "Learning rate", "Learning rate of the epoch's last step, from --lr and --schedule.", "A jump in the loss at its peak says that --lr is too large.", "", "lr"),
        new("loss", "Loss", "Mean cross-entropy over the epoch's batches, in nats.", "ln(classes) is guessing: 2.30 for ten classes.", "nats", "testLoss"),
        new("accuracy", "Accuracy", "Share of the epoch's batches classified as labelled, with augmentation.", "Below the accuracy without augmentation; watch the direction.", "%"),
        new("validation_loss", "Validation loss", "Mean cross-entropy on the held-out images (--validation), in nats.", "A rise while the training loss falls is overfitting.", "nats"),
        new("validation_accuracy", "Validation accuracy", "Accuracy on the held-out images (--validation).", "The number to choose options by; the test set is for the end.", "%"),
        new("method", "Method", "The unlearning method, with the options in which its rows differ.", "'lur methods NAME' explains one.", "", "options", "name"),
        new("seeds", "Seeds", "Number of runs of one method that were averaged.", "One seed has no deviation: differences of a point then mean nothing.", "", "runs", "std", "deviation"),
    ];

    private static GlossaryEntry[] Concepts =>
    [
        new("forget_set", "Forget set", "The training images to be forgotten (--forget): classes, a random share, or listed samples.", "forget.txt in a run's folder lists them; its SHA-256 says whether two runs forgot the same.", "", "forget", "forgetSha256"),
        new("retain_set", "Retain set", "The training images that are to be kept: all but the forget set.", "RA is measured on it, and most methods train on it.", "", "retain"),
        new("retrain", "Retrain", "A model trained anew without the forget set: what unlearning imitates.", "It is exact and slow; gaps, bands and verdicts are distances to it."),
        new("original", "Original", "The model before unlearning.", "Its column shows what there was to forget.", "", "before"),
        new("unlearned", "Unlearned", "The model after unlearning.", "Its column is the result; compare it with Retrain, not with perfection.", "", "after"),
        new("confidence", "Confidence", "Softmax probability of the true class.", "Trained-on images stand near 1; membership attacks look at nothing else.", "", "probability"),
        new("trim", "Trim", "LUR's and ScissorHands' first stage: weights of late layers that matter most to the forget batch are drawn anew.",
            "A larger --trim resets fewer weights; accuracy falls at once and is repaired by the steps.", "", "sparsity", "snip"),
        new("repair", "Repair", "The steps after the preparations: retain and forget loss are lowered together.", "Too few leave the damage of the trim; too many cost time.", "", "repairing"),
        new("look_ahead", "Look-ahead", "LUR judges the forget loss after one simulated gradient step on the retain loss.", "Forgetting then has to survive training on retained data; alpha is the length of that step.", "", "bilevel", "inner step"),
        new("alpha", "Alpha", "Step size of LUR's look-ahead.", "0 is plain joint training; too large leaves the neighbourhood, see look_ahead_norm."),
        new("lambda", "Lambda", "Weight of the forget loss beside the retain loss.", "Larger forgets faster and damages more."),
        new("hvp", "HVP, Hessian-vector product", "H_r v: how the retain gradient changes along the forget gradient; LUR's second-order term.", "exact, by differences (fd), or left out (none); see second_order_share.", "", "hessian"),
        new("saliency_mask", "Saliency mask", "SalUn's choice of the weights that may change: those to which the forget loss is most sensitive.", "A smaller share keeps more of the model and forgets less.", "", "mask", "salun"),
    ];
}
