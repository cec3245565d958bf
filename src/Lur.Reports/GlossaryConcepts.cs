namespace Lur.Reports;

/// <content>Concepts and attacks. Properties and not fields: fields of two files have no order of initialisation.</content>
public static partial class Glossary
{
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
}
