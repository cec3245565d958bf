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

    /// <summary>UNets: the one of the demo, and a small one for CIFAR-10, each with side and batch size.</summary>
    public static readonly (string Model, int Side, int Batch)[] UNetCases =
    [
        ("unet:w32,64:down01:up10:r1:g8", 16, 32),
        ("unet:w64,128,128:down010:up010:r2:g8", 32, 16),
    ];

    /// <summary>What is timed of UNets; FT's step is the Adam step of training. What is drawn for SA before its steps is short: it is not
    /// timed, and a step does not depend on what the images show.</summary>
    public static readonly StepVariant[] UNet =
    [
        new("unet-adam", "Adam step", "ft", []),
        new("unet-lur", "LUR exact", "lur", [("hvp", "exact")]),
        new("unet-lur-fd", "LUR fd", "lur", [("hvp", "fd")]),
        new("unet-lur-none", "LUR none", "lur", [("hvp", "none")]),
        new("unet-scissorhands", "ScissorHands", "scissorhands", [("trim-batches", "2")]),
        new("unet-salun", "SalUn", "salun", []),
        new("unet-sa", "SA", "sa", [("replay-steps", "1"), ("fisher-samples", "32"), ("fisher-draws", "1")]),
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
        All.Concat(UNet).FirstOrDefault(v => v.Name == name)
        ?? throw new UserErrorException(
            $"There is no step '{name}' to time; there are {string.Join(", ", All.Concat(UNet).Select(v => v.Name))}."
        );

    /// <summary>Height and width of the images that a model is timed on, in pixels.</summary>
    public static int SideOf(string model) => UNetCases.FirstOrDefault(c => c.Model == model) is { Side: > 0 } c ? c.Side : 32;

    /// <summary>True when a step sees a retain and a forget batch.</summary>
    public bool IsJoint => Method is "lur" or "scissorhands" or "neggrad" && Name != "lur-plain";
}
