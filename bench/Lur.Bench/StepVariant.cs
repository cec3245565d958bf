namespace Lur.Bench;

/// <summary>Which part of a run a row times.</summary>
internal enum StepPart
{
    /// <summary>A step on a retain and a forget batch, or on the one batch of the method.</summary>
    Step,

    /// <summary>The first step of an epoch, with what the method renews there.</summary>
    FirstOfEpoch,

    /// <summary>The preparation before the first step.</summary>
    Preparation,
}

/// <summary>Something that is timed: a method, its options, a part of its run.</summary>
/// <param name="Name">Name in files and on the command line of a child; <c>pytorch_steps.py</c> knows some by the same name.</param>
/// <param name="Title">Name in tables.</param>
/// <param name="Method">Name of the method.</param>
/// <param name="Options">Options beside those that all share.</param>
/// <param name="Part">Part of the run.</param>
internal sealed record StepVariant(
    string Name,
    string Title,
    string Method,
    (string Name, string Text)[] Options,
    StepPart Part = StepPart.Step
)
{
    /// <summary>The model and batch sizes: the recipes' small width at its batch size, and the full ResNet-18.</summary>
    public static readonly (string Model, int Width, int Batch)[] Cases = [("resnet18:w16", 16, 128), ("resnet18:w64", 64, 32)];

    /// <summary>Everything that is timed.</summary>
    public static readonly StepVariant[] All =
    [
        new("lur", "LUR exact", "lur", [("hvp", "exact")]),
        new("lur-fd", "LUR fd", "lur", [("hvp", "fd")]),
        new("lur-none", "LUR none", "lur", [("hvp", "none")]),
        new("scissorhands-1", "ScissorHands, 1 memory", "scissorhands", [("memory", "1")]),
        new("scissorhands-5", "ScissorHands, 5 memories", "scissorhands", [("memory", "5")]),
        new("neggrad", "NegGrad+", "neggrad", []),
        new("salun", "SalUn", "salun", []),
        new("sgd", "FT", "ft", []),
        new("lur-plain", "LUR, plain retain step", "lur", [("lambda", "0"), ("trim", "0")]),
        new(
            "scissorhands-1-first",
            "ScissorHands, 1 memory, first step of an epoch",
            "scissorhands",
            [("memory", "1")],
            StepPart.FirstOfEpoch
        ),
        new(
            "scissorhands-5-first",
            "ScissorHands, 5 memories, first step of an epoch",
            "scissorhands",
            [("memory", "5")],
            StepPart.FirstOfEpoch
        ),
        new("trim", "trim of LUR and ScissorHands", "lur", [], StepPart.Preparation),
    ];

    /// <summary>Those that PyTorch times too.</summary>
    public static readonly string[] WithPeer =
    [
        "sgd",
        "lur",
        "lur-fd",
        "lur-none",
        "scissorhands-1",
        "scissorhands-5",
        "scissorhands-1-first",
        "scissorhands-5-first",
    ];

    /// <summary>Finds one by name.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static StepVariant Find(string name) =>
        All.FirstOrDefault(v => v.Name == name)
        ?? throw new UserErrorException($"There is no step '{name}' to time; there are {string.Join(", ", All.Select(v => v.Name))}.");

    /// <summary>True when a step sees a retain and a forget batch.</summary>
    public bool IsJoint => Method is "lur" or "scissorhands" or "neggrad" && Name != "lur-plain";
}
