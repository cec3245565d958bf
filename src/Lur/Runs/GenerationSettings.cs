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

    /// <summary>How a judge is trained.</summary>
    public TrainingOptions JudgeTraining { get; init; } = new();

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
