namespace Lur.Reports;

/// <content>The terms. Properties and not fields: fields of two files have no order of initialisation.</content>
public static partial class Glossary
{
    private static GlossaryEntry[] Metrics =>
        [
            new(
                "ua",
                "UA, unlearning accuracy",
                "Share of the forget set that is misclassified: 100 minus the accuracy on it.",
                "The aim is the value of a retrained model, not 100 %: for a random set that is near the test error, for a "
                    + "whole class near 100 %.",
                "%",
                "unlearningAccuracy"
            ),
            new(
                "ra",
                "RA, retain accuracy",
                "Accuracy on the retain set: the training images that are to be kept.",
                "Nearer to a retrained model's is better; a fall of several points is damage.",
                "%",
                "retainAccuracy"
            ),
            new(
                "ta",
                "TA, test accuracy",
                "Accuracy on the test set, without the classes that were forgotten whole.",
                "Nearer to a retrained model's is better; it says whether the model still generalises.",
                "%",
                "testAccuracy"
            ),
            new(
                "fta",
                "FTA, forgotten-class test accuracy",
                "Share of the test images of the forgotten classes that are still classified as them.",
                "A model that never saw a class scores 0 %; the metric exists only where a whole class was forgotten.",
                "%",
                "forgottenClassTestAccuracy"
            ),
            new(
                "mia",
                "MIA, membership inference attack",
                "Share of the forget set that an attack on the confidence takes for images never trained on (support vector "
                    + "machine, RBF kernel).",
                "The aim is the value of a retrained model, not 100 %; the attack is weak, so agreement is no proof.",
                "%",
                "membershipInference",
                "forgetEfficacy"
            ),
            new(
                "training_privacy",
                "Training privacy",
                "How well the same attack tells retain images from test images: mean of its true positive and true negative rate.",
                "0.5 is guessing; what lies above it is what the model gives away of its training set.",
                "",
                "trainingPrivacy"
            ),
            new(
                "gap",
                "Gap, average gap to Retrain",
                "Mean distance to the retrained model in UA, RA, TA and MIA, in percentage points; in the table of 'lur "
                    + "verify' unlearned minus retrained in one of them.",
                "Smaller is better; there is none without a retrained model and all four numbers of both.",
                "points",
                "averageGap",
                "avgGap",
                "gapBand",
                "gapUa",
                "gapRa",
                "gapTa",
                "gapMia"
            ),
            new(
                "tow",
                "ToW, tug of war",
                "Product over forget, retain and test set of 1 - |accuracy - Retrain's accuracy|, accuracies as shares.",
                "1 scores like the retrained model everywhere, 0 is wholly off somewhere; MIA is not part of it.",
                "",
                "tugOfWar"
            ),
            new(
                "rte",
                "RTE, run-time efficiency",
                "Time that unlearning took: preparations and steps, without the evaluations before and after.",
                "Compare it with Retrain's on the same device only; other devices and batch sizes give other ratios.",
                "s",
                "seconds",
                "time",
                "rteS"
            ),
            new(
                "preparation",
                "Preparations",
                "The part of the run-time efficiency before the first step: trimming, masks, Fisher passes, initial weights.",
                "Methods of one shot have nothing else; papers often leave it out of their times.",
                "s",
                "preparations",
                "prepare",
                "prep"
            ),
            new(
                "memory",
                "Memory, on the device",
                "Most bytes held on the device at a time while the method ran: weights, arenas of its steps, vectors, Fisher passes.",
                "It decides whether a method fits; images and the evaluation are not counted.",
                "",
                "deviceBytes",
                "arena",
                "deviceMb",
                "deviceMegabytes"
            ),
            new(
                "weight_distance",
                "Weight distance",
                "Euclidean norm of the difference between the weights before and after, also relative to the weights before.",
                "A small distance means the old model is near: what was forgotten often comes back within a few steps of training.",
                "",
                "weightDistance",
                "distance"
            ),
            new(
                "relearning",
                "Relearning curve",
                "Forget and test accuracy while the unlearned model is trained again, step by step.",
                "A curve that rises faster than that of a model which never saw the forget set shows that it was hidden, not forgotten.",
                "%",
                "relearningCurve",
                "unlearnedForget",
                "unlearnedTest",
                "retrainedForget",
                "retrainedTest",
                "shots"
            ),
            new(
                "class_damage",
                "Class damage",
                "Change of the test accuracy of each kept class, in points, and the class that lost most.",
                "One class that lost much is worse than all losing a little, and the average hides it.",
                "points",
                "classDamage",
                "perClass",
                "perClassTestAccuracy",
                "perClassChange"
            ),
            new(
                "over_forgetting",
                "Over-forgetting",
                "Whether the forget set is treated worse than images never seen: less accuracy or more loss than a retrained "
                    + "model or a guess.",
                "A model that avoids the right answer gives away that it knows it.",
                "",
                "overForgetting"
            ),
        ];

    private static GlossaryEntry[] Verdicts =>
        [
            new(
                "MatchesRetrain",
                "Matches Retrain",
                "All four numbers lie within the band around the retrained model's.",
                "The model scores like one that never saw the forget set; that is no proof that nothing is left."
            ),
            new(
                "UnderForgotten",
                "Under-forgotten",
                "UA or MIA lies below the band: the forget set is closer to being known than it is for Retrain.",
                "Forget more: a larger --lambda, a larger --lr, more --epochs."
            ),
            new(
                "OverForgotten",
                "Over-forgotten",
                "UA or MIA lies above the band, or RA or TA below it: more was lost than Retrain loses.",
                "Forget less: a smaller --lambda or --lr, or a bounded --forget-loss."
            ),
            new(
                "Collapsed",
                "Collapsed",
                "RA or TA lies more than ten points below Retrain's, or below half of it where that is less than 20 %.",
                "The model is broken, whatever UA says: lower --lr first."
            ),
            new(
                "Withheld",
                "Withheld",
                "There is no retrained model to compare with, or one of the four numbers is missing.",
                "Train a reference with 'lur forget --method retrain'; without one, forgetting and damage cannot be told apart."
            ),
            new(
                "verdict",
                "Verdict",
                "How the unlearned model compares with a retrained one, in one word.",
                "MatchesRetrain is the aim; 'lur explain' knows the others: UnderForgotten, OverForgotten, Collapsed, Withheld."
            ),
            new(
                "band",
                "Band",
                "Two standard deviations of the difference between single runs; from the number of samples where there is one seed only.",
                "A gap within the band is within the spread of runs; more seeds make the band honest.",
                "points"
            ),
        ];

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

    private static GlossaryEntry[] Concepts =>
        [
            new(
                "forget_set",
                "Forget set",
                "The training images to be forgotten (--forget): classes, a random share, or listed samples.",
                "forget.txt in a run's folder lists them; its SHA-256 says whether two runs forgot the same.",
                "",
                "forget",
                "forgetSha256"
            ),
            new(
                "retain_set",
                "Retain set",
                "The training images that are to be kept: all but the forget set.",
                "RA is measured on it, and most methods train on it.",
                "",
                "retain"
            ),
            new(
                "retrain",
                "Retrain",
                "A model trained anew without the forget set: what unlearning imitates.",
                "It is exact and slow; gaps, bands and verdicts are distances to it.",
                "",
                "retrained"
            ),
            new("original", "Original", "The model before unlearning.", "Its column shows what there was to forget."),
            new(
                "unlearned",
                "Unlearned",
                "The model after unlearning.",
                "Its column is the result; compare it with Retrain, not with perfection.",
                "",
                "after"
            ),
            new(
                "confidence",
                "Confidence",
                "Softmax probability of the true class.",
                "Trained-on images stand near 1; membership attacks look at nothing else.",
                "",
                "probability"
            ),
            new(
                "trim",
                "Trim",
                "LUR's and ScissorHands' first stage: weights of late layers that matter most to the forget batch are drawn anew.",
                "A larger --trim resets fewer weights; accuracy falls at once and is repaired by the steps.",
                "",
                "sparsity",
                "snip"
            ),
            new(
                "repair",
                "Repair",
                "The steps after the preparations: retain and forget loss are lowered together.",
                "Too few leave the damage of the trim; too many cost time.",
                "",
                "repairing"
            ),
            new(
                "look_ahead",
                "Look-ahead",
                "LUR judges the forget loss after one simulated gradient step on the retain loss.",
                "Forgetting then has to survive training on retained data; alpha is the length of that step.",
                "",
                "bilevel",
                "inner step"
            ),
            new(
                "alpha",
                "Alpha",
                "Step size of LUR's look-ahead.",
                "0 is plain joint training; too large leaves the neighbourhood, see look_ahead_norm."
            ),
            new("lambda", "Lambda", "Weight of the forget loss beside the retain loss.", "Larger forgets faster and damages more."),
            new(
                "hvp",
                "HVP, Hessian-vector product",
                "H_r v: how the retain gradient changes along the forget gradient; LUR's second-order term.",
                "exact, by differences (fd), or left out (none); see second_order_share.",
                "",
                "hessian"
            ),
            new(
                "saliency_mask",
                "Saliency mask",
                "SalUn's choice of the weights that may change: those to which the forget loss is most sensitive.",
                "A smaller share keeps more of the model and forgets less.",
                "",
                "mask",
                "salun"
            ),
        ];

    private static GlossaryEntry[] Attacks =>
        [
            new(
                "attack",
                "Attack",
                "A membership inference attack: it guesses from a model's answers whether an image was trained on.",
                "Compare the unlearned with the retrained model, attack by attack; 'lur explain attack_entropy' and the like explain each.",
                "",
                "attacks",
                "membershipAttack"
            ),
            new(
                "efficacy",
                "Efficacy, forget efficacy",
                "Share of the forget set that an attack takes for images never trained on.",
                "The aim is the value of a retrained model, not 100 %.",
                "%"
            ),
            new(
                "attack_confidence",
                "Confidence attack",
                "Support vector machine on the softmax probability of the true class: the MIA column.",
                "The number of published tables; the other attacks say how far it can be trusted."
            ),
            new(
                "attack_correctness",
                "Correctness attack",
                "Support vector machine on whether the prediction is right, 1 or 0.",
                "The plainest attack: it knows nothing but the accuracy."
            ),
            new(
                "attack_entropy",
                "Entropy attack",
                "Support vector machine on the entropy of the predicted probabilities, -sum p log p.",
                "It sees certainty without the label: members are answered with low entropy, right or wrong."
            ),
            new(
                "attack_m_entropy",
                "Modified entropy attack",
                "Support vector machine on -(1 - p_y) log p_y - sum over the other classes of p log(1 - p), as defined (Song "
                    + "and Mittal 2021).",
                "It sees certainty and label together, and is mostly the strongest with one number."
            ),
            new(
                "attack_m_entropy_published",
                "Modified entropy attack (published form)",
                "The same as the public evaluation code computes it, whose column indexing and logarithm depart from the definition.",
                "For comparison with published tables only; the value of an image depends on which classes are in its set."
            ),
            new(
                "attack_probabilities",
                "Probability vector attack",
                "Support vector machine on the probabilities of all classes.",
                "It sees most and takes long where there are many classes; '--attacks scalar' leaves it out."
            ),
            new(
                "attack_threshold",
                "Threshold attack",
                "The best single threshold on the probability of the true class, in place of the support vector machine.",
                "Where confidences crowd next to 1 it sees what the machine's kernel cannot resolve."
            ),
            new(
                "attack_loss",
                "Loss attack",
                "Logistic regression on the cross-entropy between forget and test set, balanced, mean accuracy over ten splits "
                    + "(ScissorHands).",
                "0.5 is the aim: the forget set looks like images never seen."
            ),
        ];

    /// <summary>Columns of the tables that describe rather than measure.</summary>
    private static GlossaryEntry[] Descriptions =>
        [
            new("metric", "Metric", "Which number a row is about.", "'lur explain' knows each: ua, ra, ta, mia, fta."),
            new("value", "Value", "The number or the text of a row.", "Its unit stands behind it."),
            new(
                "fact",
                "Fact",
                "What a row states.",
                "'lur explain gap', tow, over_forgetting, weight_distance and class_damage say more."
            ),
            new("change", "Change", "Unlearned minus original, in the unit of the row.", "UA should rise, RA and TA should stay."),
            new(
                "inside",
                "Inside, the band",
                "Whether a number lies within the band around what it is compared with.",
                "'no' says that the difference is more than the spread of runs.",
                "",
                "insideTheBand"
            ),
            new("now", "Now", "Mean over the seeds of this run of a recipe.", "Compare it with 'before'."),
            new(
                "before",
                "Before",
                "Mean that an earlier run of the recipe measured, on the machine and commit that the title names.",
                "A number outside the band is a change of behaviour, or another machine's luck."
            ),
            new(
                "run",
                "Run",
                "Label of a run in its recipe: the method, with the options in which it differs.",
                "'lur repro RECIPE --only LABEL' makes it alone."
            ),
            new(
                "stage",
                "Stage",
                "A part of a forgetting run: evaluations, preparations by name, and the steps (repair).",
                "The evaluations are not part of the RTE."
            ),
            new(
                "share",
                "Share",
                "Part of the whole, in percent.",
                "The shares of the counted stages add up to 100 %.",
                "%",
                "shareOfTheRte"
            ),
            new(
                "meaning",
                "Meaning",
                "What a row measures or sets, in a few words.",
                "'lur explain TERM' has two lines.",
                "",
                "description"
            ),
            new("class", "Class", "A class of the data set, by name or number.", "A forgotten one is marked.", "", "label"),
            new(
                "forgotten",
                "Forgotten",
                "Marks the classes that were forgotten whole.",
                "Only their accuracy should fall.",
                "",
                "forgottenClasses"
            ),
            new("images", "Images", "Number of images a row was measured on.", "Few images make coarse percentages."),
            new("train", "Training", "Number of training images.", "With --validation a share of them is held out.", "", "training"),
            new("test", "Test", "Number of test images, or the test set.", "It is never trained on.", "", "testSet"),
            new(
                "name",
                "Name",
                "Name of the row's class, method or kernel, as the command line takes it.",
                "Give it where a command asks for NAME."
            ),
            new("title", "Title", "Name for people.", "The command line takes the short name beside it."),
            new(
                "summary",
                "Summary",
                "What a method does, in one sentence.",
                "'lur methods NAME' has its options and sources.",
                "",
                "whatItDoes"
            ),
            new("what", "What it is", "What a term means.", "It is the first line of 'lur explain TERM'."),
            new(
                "needs",
                "Needs",
                "What a method has to be given: retain data, forget data, labels of the forget set, Fisher passes.",
                "A method that needs no retain data works where they are gone."
            ),
            new("property", "Property", "What a row says about a method.", "Departures name where it differs from its authors' code."),
            new(
                "option",
                "Option",
                "An option of a method, as the command line takes it.",
                "config.json in a run's folder has the values used."
            ),
            new("default", "Default", "Value of an option that is not given.", "Its source stands beside it."),
            new(
                "source",
                "Source",
                "Where a default comes from: a paper, public code, or ours.",
                "'ours' was chosen on this project's own runs.",
                "",
                "sourceOfTheDefault"
            ),
            new("role", "Role", "What memory of a plan is for.", "'lur forget --plan' shows which part decides.", "", "buffer"),
            new("buffers", "Buffers", "Number of buffers of a role.", "Buffers that are not needed at one time share memory."),
            new("bytes", "Bytes", "Size in memory or of a file.", "Binary units: 1 MiB is 1,048,576 bytes.", "", "size"),
            new(
                "quantity",
                "Quantity",
                "The derivative that is checked against differences.",
                "One that fails is a defect of a kernel or of a layer."
            ),
            new(
                "error",
                "Relative error",
                "Distance between the two values over the larger of them.",
                "It must lie below the tolerance.",
                "",
                "relativeError"
            ),
            new(
                "tolerance",
                "Tolerance",
                "Greatest relative error that is allowed.",
                "It follows from the precision of the numbers.",
                "",
                "allowed"
            ),
            new("passed", "Passed", "Whether a check held.", "One that did not ends the command with exit code 3."),
            new("kernel", "Kernel", "A function of the device, as its source names it.", "'lur kernels --list' has them all."),
            new("parameters", "Parameters", "The parameters of a kernel in order.", "Their launchers are generated from them."),
            new(
                "cooperative",
                "Cooperative",
                "Whether the threads of a block share memory and wait for each other.",
                "The host driver runs such a kernel phase by phase."
            ),
            new("file", "File", "Source or compiled image of a kernel.", "Paths are relative to the folder of the kernels.", "", "image"),
            new("term", "Term", "A word that 'lur explain' explains.", "Columns, metrics and verdicts are terms."),
            new("unit", "Unit", "Unit of a term's numbers; empty for none.", "Points are differences of percentages."),
            new("reading", "Reading", "How to read a term.", "It is the second line of 'lur explain TERM'."),
        ];
}
