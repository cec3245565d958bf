namespace Lur.Verification.Concepts;

/// <summary>Attacks on a model that was to forget a concept.</summary>
[Flags]
public enum ConceptAttacks
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The rows of one prompt are learnt from images of the concept, every weight frozen.</summary>
    Rows = 1,

    /// <summary>Training goes on: by plain descent, which LUR simulates, and by Adam with some images of the concept or none.</summary>
    Relearn = 2,

    /// <summary>Images of the concept with noise are drawn on under their captions.</summary>
    Denoise = 4,

    /// <summary>The embedding of one new token is learnt (<see cref="ConceptInversion"/>).</summary>
    Inversion = 8,

    /// <summary>Tokens before the prompt are searched for (<see cref="UnlearnDiffAttack"/>).</summary>
    UnlearnDiffAtk = 16,

    /// <summary>A prompt of free tokens is searched for (<see cref="PromptSearch"/>).</summary>
    P4D = 32,

    /// <summary>All.</summary>
    All = Rows | Relearn | Denoise | Inversion | UnlearnDiffAtk | P4D,
}

/// <summary>How attacks on a concept are made.</summary>
public sealed record ConceptAttackOptions
{
    /// <summary>Steps of training after which images are drawn; 0 draws before the first.</summary>
    public IReadOnlyList<int> Steps { get; init; } = [0, 1, 10, 100, 1000];

    /// <summary>Images of a batch, shots included.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Rate of Adam for all weights.</summary>
    public double RelearningRate { get; init; } = 2e-4;

    /// <summary>Rate of the plain descent: alpha of LUR's inner step.</summary>
    public double DescentRate { get; init; } = 0.01;

    /// <summary>Steps of the attack on the rows of a prompt.</summary>
    public IReadOnlyList<int> RowsSteps { get; init; } = [0, 20, 100, 300];

    /// <summary>Rate of AdamW for the rows of a prompt: what Pham et al. (2023) have for the embedding of a token, 0.005, is for 5000
    /// steps.</summary>
    public double RowsRate { get; init; } = 0.02;

    /// <summary>Weight decay of AdamW for them (Pham et al. 2023).</summary>
    public double RowsDecay { get; init; } = 0.01;

    /// <summary>Images of a batch of it (Pham et al. 2023: 4, over 4 steps).</summary>
    public int RowsBatch { get; init; } = 16;

    /// <summary>Images of the concept that it learns from (Pham et al. 2023).</summary>
    public int RowsImages { get; init; } = 25;

    /// <summary>Images that are drawn at each point.</summary>
    public int Samples { get; init; } = 48;

    /// <summary>Shares of the noise's time steps up to which noise is added, percent.</summary>
    public IReadOnlyList<int> Noise { get; init; } = [30, 50, 70, 90];

    /// <summary>Attacks on the tokens of prompts.</summary>
    public TokenAttackOptions Tokens { get; init; } = new();

    /// <summary>Seed of order and noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Refuses values that make no sense.</summary>
    /// <exception cref="UserErrorException">Names the value.</exception>
    public void Validate()
    {
        foreach (var steps in new[] { Steps, RowsSteps })
            if (steps.Count == 0 || steps[0] < 0 || steps.Zip(steps.Skip(1), (a, b) => b > a).Contains(false))
                throw new UserErrorException("The steps of an attack must ascend from 0 or more.");
        if (BatchSize < 1 || Samples < 1 || RowsBatch < 1 || RowsImages < 1)
            throw new UserErrorException(
                $"An attack with batches of {BatchSize} and {RowsBatch}, {RowsImages} images to learn from and {Samples} to draw; all must "
                    + "be at least 1."
            );
        if (!(RelearningRate > 0 && DescentRate > 0 && RowsRate > 0 && RowsDecay >= 0))
            throw new UserErrorException("The rates of an attack must be above 0.");
        Tokens.Validate();
    }
}
