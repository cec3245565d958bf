namespace Lur.Verification.Concepts;

/// <summary>How attacks on the tokens of a prompt are made.</summary>
public sealed record TokenAttackOptions
{
    /// <summary>Prompts that are attacked one by one, at most.</summary>
    public int Prompts { get; init; } = 6;

    /// <summary>Concept inversion: steps (Pham et al. 2023: 5000).</summary>
    public IReadOnlyList<int> InversionSteps { get; init; } = [0, 100, 300, 1000];

    /// <summary>Its rate of AdamW (Pham et al. 2023).</summary>
    public double InversionRate { get; init; } = 5e-3;

    /// <summary>Its weight decay (Pham et al. 2023).</summary>
    public double InversionDecay { get; init; } = 1e-2;

    /// <summary>Its images of a batch (Pham et al. 2023: 4, over 4 steps).</summary>
    public int InversionBatch { get; init; } = 4;

    /// <summary>Images of the concept that it learns from (Pham et al. 2023).</summary>
    public int InversionImages { get; init; } = 25;

    /// <summary>UnlearnDiffAtk: tokens before the prompt (Zhang et al. 2024).</summary>
    public int Prefix { get; init; } = 5;

    /// <summary>Its rounds, each at a time step of its own, from low noise to high (Zhang et al. 2024: 50).</summary>
    public IReadOnlyList<int> PrefixRounds { get; init; } = [0, 1, 2, 5, 10];

    /// <summary>Steps of a round (Zhang et al. 2024).</summary>
    public int PrefixIterations { get; init; } = 40;

    /// <summary>Its rate of Adam (Zhang et al. 2024).</summary>
    public double PrefixRate { get; init; } = 0.01;

    /// <summary>Its weight decay, in the gradient (Zhang et al. 2024).</summary>
    public double PrefixDecay { get; init; } = 0.1;

    /// <summary>P4D: free tokens of a prompt (Chin et al. 2024, P4D-N), fewer where a model takes fewer.</summary>
    public int FreeTokens { get; init; } = 16;

    /// <summary>Its steps (Chin et al. 2024: 3000, looked at every 50).</summary>
    public IReadOnlyList<int> FreeSteps { get; init; } = [0, 50, 100, 200, 400];

    /// <summary>Its rate of AdamW (Chin et al. 2024).</summary>
    public double FreeRate { get; init; } = 0.1;

    /// <summary>Its weight decay (Chin et al. 2024).</summary>
    public double FreeDecay { get; init; } = 0.1;

    /// <summary>Refuses values that make no sense.</summary>
    /// <exception cref="UserErrorException">Names the value.</exception>
    public void Validate()
    {
        foreach (var points in new[] { InversionSteps, PrefixRounds, FreeSteps })
            if (points.Count == 0 || points[0] < 0 || points.Zip(points.Skip(1), (a, b) => b > a).Contains(false))
                throw new UserErrorException("The steps of an attack must ascend from 0 or more.");
        if (Prompts < 1 || InversionBatch < 1 || InversionImages < 1 || Prefix < 1 || PrefixIterations < 1 || FreeTokens < 1)
            throw new UserErrorException("Prompts, batches, images and tokens of an attack must be at least 1.");
        if (!(InversionRate > 0 && PrefixRate > 0 && FreeRate > 0))
            throw new UserErrorException("The rates of an attack must be above 0.");
    }
}
