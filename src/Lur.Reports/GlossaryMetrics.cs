namespace Lur.Reports;

/// <content>Metrics and verdicts. Properties and not fields: fields of two files have no order of initialisation.</content>
public static partial class Glossary
{
    private static GlossaryEntry[] Metrics =>
        [
            new(
                "ua",
                "UA, unlearning accuracy",
                "Share of the forget set that is misclassified: 100 minus the accuracy on it; of a model that draws, the share of the "
                    + "images drawn under the forgotten labels that the judge does not class as them.",
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
                "denoising_loss",
                "Denoising loss",
                "Mean squared error of what a diffusion model predicts from noisy images: of the noise, unless it predicts another thing.",
                "About 1 is knowing nothing of noise; compare models on the same images and noise alone, as the runs of 'lur forget' do."
            ),
            new(
                "interval",
                "95 % interval",
                "Confidence interval of the mean change of a loss, from the changes of single images (Student's t).",
                "Where it holds 0, the change may be chance."
            ),
            new(
                "fid",
                "FID, Fréchet Inception distance",
                "Fréchet distance of drawn to real images in the 2048 features of the InceptionV3 network of FID (Heusel et al. 2017).",
                "Smaller is better, 0 never comes: real images have that of the floor. It falls with the number of images, so set it "
                    + "beside the same count only. The Fréchet distance in a judge's features is no FID.",
                "",
                "fidFloor"
            ),
            new(
                "kid",
                "KID, kernel Inception distance",
                "Kernel distance (third-degree polynomial) of drawn to real images in the features of FID, mean over random subsets "
                    + "(Binkowski et al. 2018).",
                "Smaller is better; it has no bias by the count, and real images have about 0, which may be a little below. Papers "
                    + "multiply it by 1000, and so do the tables.",
                "",
                "kidFloor",
                "kidSpread"
            ),
            new(
                "real",
                "Real images",
                "What as many other real images have in the place of drawn ones: the floor.",
                "Images as good as real ones would have it."
            ),
            new(
                "part",
                "Part of the images",
                "Which images a row is about: the forget set, the retain set, the test set.",
                "The test set is all of it."
            ),
            new(
                "models",
                "Models",
                "What a method works on: classifiers, or UNets, which draw images.",
                "A name may stand for one of each."
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
                "recovery",
                "recoverySteps",
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
                "All four numbers lie within the band around the retrained model's, and so do each kept class, the membership attacks and "
                    + "the relearning attacks that were run.",
                "The model scores like one that never saw the forget set; that is no proof that nothing is left. Without --relearn nothing "
                    + "is known of what is only hidden."
            ),
            new(
                "UnderForgotten",
                "Under-forgotten",
                "The forget set is closer to being known than it is for Retrain: UA or MIA lies below the band, test images of "
                    + "the forgotten "
                    + "classes are recognised, a membership attack knows it, or it comes back when training goes on (it was dormant).",
                "Forget more: a larger --lambda, a larger --lr, more --epochs."
            ),
            new(
                "OverForgotten",
                "Over-forgotten",
                "More was lost than Retrain loses: UA or MIA lies above the band, RA, TA or the test accuracy of a kept class "
                    + "below it, or a "
                    + "membership attack finds the forget set stranger than it is for Retrain.",
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
                "Train references with 'lur verify RUN --retrain 1,2,3'; without one, forgetting and damage cannot be told apart."
            ),
            new(
                "verdict",
                "Verdict",
                "How the unlearned model compares with retrained ones. Compared are, each mean over the seeds of one side against the mean "
                    + "of the other: UA, RA, TA and MIA; the test accuracy of every kept class and of the forgotten ones; the share of the "
                    + "forget set that each membership attack takes for unseen, and the accuracy of the loss attack; and with "
                    + "--relearn the "
                    + "forget accuracy at every measured step of training again. The first of these holds: Collapsed (RA or TA "
                    + "more than 10 "
                    + "points below), Withheld (no reference, or a number is missing), UnderForgotten (something is still known, or comes "
                    + "back), OverForgotten (something else was lost), MatchesRetrain. The sentence names every number outside its "
                    + "band. Of a model that draws, known is what it still draws (UA below the band), what the original, as a classifier, "
                    + "sees in its images, a class whose label helps to denoise (see label_gain) and what an attack brings back; lost is "
                    + "agreement or distance of kept classes. Of a concept, known is what is drawn for its prompts, of any kind, or comes "
                    + "back under attack; lost is what kept prompts ask for (see kind).",
                "MatchesRetrain is the aim, and 'lur verify' ends with exit code 3 for the three bad ones. With fewer than "
                    + "three references "
                    + "it is provisional: another seed of Retrain can turn it. An attack that is no better than guessing, or whose value "
                    + "moves between the references by more than the band, decides nothing, and the sentence says so. See band.",
                "",
                "provisional",
                "undecided",
                "conclusion",
                "findings"
            ),
            new(
                "band",
                "Band",
                "Two standard deviations of the difference between single runs; from the number of samples where there is one "
                    + "seed only. For "
                    + "classes, attacks and relearning it is wider, since there are many of them, and a gap has to be more than 5 points "
                    + "(relearning: 10) to count.",
                "A gap within the band is within the spread of runs; more seeds make the band honest.",
                "points"
            ),
        ];
}
