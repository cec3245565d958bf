namespace Lur.Reports;

/// <content>Numbers of what models draw. Properties and not fields: fields of two files have no order of initialisation.</content>
public static partial class Glossary
{
    private static GlossaryEntry[] Drawing =>
        [
            new(
                "agreement",
                "Agreement, of the kept classes",
                "Share of the images drawn under kept labels that the judge classes as asked.",
                "Nearer to a retrained model's is better; below it what was to be kept was lost.",
                "%",
                "keptAgreement"
            ),
            new(
                "entropy",
                "Entropy, of the judge",
                "Mean entropy, in nats, of the judge's probabilities for what is drawn under the forgotten labels.",
                "0 is an image of some class without doubt, ln(classes) a guess: noise, or nothing that the judge knows.",
                "nats"
            ),
            new(
                "fd",
                "FD, Fréchet distance of the kept classes",
                "Distance between the images drawn under kept labels and as many real ones, in the features of the judge (Heusel et al. "
                    + "2017, with another network).",
                "Smaller is better, and the floor is as small as it gets; it is not the FID of papers, and no other judge's is comparable.",
                "",
                "keptDistance"
            ),
            new(
                "floor",
                "Floor, of the Fréchet distance",
                "The Fréchet distance between real and other real images, as many as were drawn.",
                "A distance near it is as good as real images; its size says how much of a distance is the count's."
            ),
            new(
                "precision",
                "Precision, of what is drawn",
                "Share of the drawn images that lie among the real ones in the judge's features (Kynkäänniemi et al. 2019).",
                "Low is images that are unlike real ones."
            ),
            new(
                "recall",
                "Recall, of what is drawn",
                "Share of the real images that lie among the drawn ones in the judge's features (Kynkäänniemi et al. 2019).",
                "Low is real images that the model does not draw any more."
            ),
            new(
                "forgotten_loss",
                "Forgotten loss, on test images",
                "Mean denoising loss on the test images of the forgotten classes, every model with the same noise.",
                "No rule goes by it: a label that means another class now has it lower than Retrain, to which a label never seen is noise, "
                    + "and knows no more. See label_gain.",
                "",
                "forgottenLoss"
            ),
            new(
                "kept_loss",
                "Kept loss, on test images",
                "Mean denoising loss on the test images of the kept classes, every model with the same noise.",
                "Above Retrain's something that was to be kept was lost.",
                "",
                "keptLoss"
            ),
            new(
                "forgotten_loss_gap",
                "Forgotten loss gap",
                "The forgotten loss less the retrained model's of the same original.",
                "Below 0 the forgotten label means something, mostly another class; far above it the class is avoided rather than unknown.",
                "",
                "forgottenLossGap"
            ),
            new(
                "kept_loss_gap",
                "Kept loss gap",
                "The kept loss less the retrained model's of the same original.",
                "0 is the aim; above it something was lost.",
                "",
                "keptLossGap"
            ),
            new(
                "label_gain",
                "Gain by the label",
                "What its own label helps in denoising test images of a forgotten class: their mean loss without a class less that under "
                    + "the label, every model with the same noise.",
                "The original's is positive, for the label tells what is in the image. One that never saw the class has 0 or less; above "
                    + "Retrain's by a quarter of the original's the label still means the class, and the verdict is under-forgotten.",
                "",
                "labelGain"
            ),
            new(
                "kind",
                "Prompts, by kind",
                "A kind of prompts for a model that was to forget a concept: such as name it, such as mean it without its name, and such "
                    + "as are to be drawn as before.",
                "A rate that is low where the name is said and high where it is not shows a forgotten word and no forgotten concept.",
                "",
                "prompts",
                "kinds"
            ),
            new("example", "For example", "The first prompt of a kind.", "The page has images of more of them."),
            new(
                "concept_rate",
                "Concept rate",
                "Share of the images drawn for prompts of the concept in which a detector sees it.",
                "The retrained model's is the aim, which is above 0 where a detector is at times mistaken; above it by more than the band "
                    + "the concept is still drawn.",
                "%",
                "concept",
                "unnamed"
            ),
            new(
                "alignment",
                "Alignment, of kept prompts",
                "Share of the images drawn for kept prompts that hold what is asked for, no more and no less, as the judge names it.",
                "Nearer to the retrained model's is better; below it what was to be kept was lost.",
                "%"
            ),
            new(
                "balance",
                "Balance of UA and FD",
                "Rank by the mean of two ranks among the runs of a table: by UA, the greatest first, and by the Fréchet distance of the "
                    + "kept classes, the least first; equal values share their ranks.",
                "1 is the best; a rank does not say how far apart two runs are, and a difference within the spread of the seeds is none.",
                "",
                "both"
            ),
        ];
}
