using Lur.Training;
using Lur.Verification.Concepts;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>What decides a verification of models that are told prompts, beside <see cref="VerifySettings"/> and the judge of
/// <see cref="GenerationSettings"/>.</summary>
public sealed record ConceptSettings
{
    /// <summary>JSON file of the prompts; null for those of the generated captions.</summary>
    public string? Prompts { get; init; }

    /// <summary>A program that looks for the concept in a folder of PNG images, in its command {dir}, and prints a line 'NAME SCORE' for
    /// each; null for the judge.</summary>
    public string? Detector { get; init; }

    /// <summary>Least score of an image with the concept in it.</summary>
    public double DetectorThreshold { get; init; } = 0.5;

    /// <summary>How the judge is trained that <see cref="GenerationSettings.Judge"/> names: on images with noise, but less than where
    /// classes are judged, for shapes are small here.</summary>
    /// <remarks>Right on real test images after four epochs of 6,120 images: with noise up to 0.5 on 99.5 %, up to 1.5 on
    /// 51.5 %.</remarks>
    public TrainingOptions JudgeTraining { get; init; } = new() { AugmentNoise = 0.5 };

    /// <summary>How images are drawn; <see cref="SamplingPlan.Samples"/> of each prompt.</summary>
    public SamplingPlan Sampling { get; init; } = new() { Samples = 8, Steps = 25 };

    /// <summary>Attacks.</summary>
    public ConceptAttacks Attacks { get; init; } = ConceptAttacks.All;

    /// <summary>Images of the concept in every batch of the relearning attacks: one attack each.</summary>
    public IReadOnlyList<int> Shots { get; init; } = [0, 10];

    /// <summary>How attacks are made.</summary>
    public ConceptAttackOptions AttackOptions { get; init; } = new();

    /// <summary>What models were found to draw, by hash of model and detector, for verifications that share the original, Retrain, the
    /// prompts and everything else above; null always draws.</summary>
    internal Dictionary<string, ConceptAssessment>? Assessed { get; init; }
}
