using Lur.Training;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>What decides a verification of models that draw, beside <see cref="VerifySettings"/>.</summary>
public sealed record GenerationSettings
{
    /// <summary>How images are drawn.</summary>
    public SamplingPlan Sampling { get; init; } = new();

    /// <summary>The judge: the file of a classifier, or the architecture of one to train on the same data, which is kept and found again;
    /// null for one that fits the size of the images.</summary>
    public string? Judge { get; init; }

    /// <summary>How a judge is trained: on images with noise, because small models leave grain on what they draw.</summary>
    /// <remarks>Largest deviation, and the share that is recognised of 182 images of the generated shapes that a person tells at once: 0,
    /// 33 %; 0.3, 37 %; 0.6, 46 %; 1, 96 %; 1.5, 99 %; 2 with twice the epochs, 99 %.</remarks>
    public TrainingOptions JudgeTraining { get; init; } = new() { AugmentNoise = 1.5 };

    /// <summary>safetensors file of the InceptionV3 network of FID, to measure FID and KID; null to leave them out.</summary>
    public string? Inception { get; init; }

    /// <summary>.npz file of the statistics (mu, sigma) that the FID is taken to; null for those of the real images.</summary>
    public string? InceptionStatistics { get; init; }

    /// <summary>A fraction of the network's width and the side of its images, for tests; null for the network itself.</summary>
    internal (int Divisor, int Side)? InceptionSize { get; init; }

    /// <summary>Attacks.</summary>
    public GenerationAttacks Attacks { get; init; } = GenerationAttacks.All;

    /// <summary>Forget images in every batch of the relearning attacks: one attack each.</summary>
    public IReadOnlyList<int> Shots { get; init; } = [0, 10];

    /// <summary>How attacks are made.</summary>
    public GenerationAttackOptions AttackOptions { get; init; } = new();

    /// <summary>What models were found to draw, by hash of model and judge, for verifications that share the original, Retrain, the
    /// forget set and everything else above; null always draws.</summary>
    internal Dictionary<string, GenerativeAssessment>? Assessed { get; init; }
}
