using Lur.Data;
using Lur.Device;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>Everything that decides a forgetting run.</summary>
public sealed record ForgetSettings
{
    /// <summary>Path of the trained model.</summary>
    public required string Model { get; init; }

    /// <summary>Data set it was trained on, as <see cref="DataSource.Open"/> takes it; <see cref="LatentSettings.Drawn"/> for data that a
    /// model which is told prompts draws itself.</summary>
    public required string Data { get; init; }

    /// <summary>Folder for everything the run leaves behind; created where it is missing.</summary>
    public required string Output { get; init; }

    /// <summary>What to forget, in the forms that <see cref="ForgetSet"/> resolves.</summary>
    public required IReadOnlyList<string> Forget { get; init; }

    /// <summary>Samples that are neither forgotten nor retained, in the same forms: what shows the concept under other words, and would
    /// bring it back.</summary>
    public IReadOnlyList<string> LeaveOut { get; init; } = [];

    /// <summary>Forget the pictures of the retain set, too, that equal one to forget pixel by pixel.</summary>
    public bool AlsoCopies { get; init; }

    /// <summary>Method and its options.</summary>
    public required BoundMethod Method { get; init; }

    /// <summary>Split the model was trained with; null for the one beside the model.</summary>
    public string? Split { get; init; }

    /// <summary>Lists of the samples that the model has forgotten on earlier requests; empty for the one beside the model.</summary>
    public IReadOnlyList<string> Forgotten { get; init; } = [];

    /// <summary>Seed of every draw.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>What the factors of matrix products and convolutions are rounded to in the steps; what prepares, judges or draws is in
    /// float32.</summary>
    public ProductPrecision Precision { get; init; }

    /// <summary>How the data are read.</summary>
    public DataOptions DataOptions { get; init; } = new();

    /// <summary>What the original model draws itself, and how pictures become latents, where the model takes these.</summary>
    public LatentSettings Latents { get; init; } = new();

    /// <summary>Steps between checkpoints; 0 writes one only when the run is cancelled.</summary>
    public long CheckpointEvery { get; init; }

    /// <summary>Most bytes of device memory that <see cref="StepMemory.TotalBytes"/> of a step may come to, for methods that make steps;
    /// 0 for any number.</summary>
    public ulong MaxMemory { get; init; }

    /// <summary>Go on from the checkpoint in the output folder, which must be there; the result is the same to the byte.</summary>
    public bool Resume { get; init; }

    /// <summary>Replace what an earlier run left in the output folder, once this one has its results.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Cache of reference models that a run of the method retrain is taken from and put into; null always trains.</summary>
    public string? References { get; init; }

    /// <summary>Assessments of original models, by hash of model and of forget set, for runs that share them; null always
    /// assesses.</summary>
    internal Dictionary<string, ModelMeasure>? Originals { get; init; }
}

/// <summary>A method with its options, checked.</summary>
public sealed record BoundMethod
{
    /// <summary>Binds a method to its options.</summary>
    /// <param name="definition">The method, for example <c>SalUn.Definition</c>.</param>
    /// <param name="options">Its options, for example <c>new SalUnOptions { MaskRatio = 0.4 }</c>.</param>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public BoundMethod(MethodDefinition definition, OptionRecord options) => (Definition, Options) = (definition, options.Validated());

    /// <summary>The method.</summary>
    public MethodDefinition Definition { get; }

    /// <summary>Its options.</summary>
    public OptionRecord Options { get; }

    /// <summary>Binds a method to options given by name, as the command and recipes give them; defaults for the rest.</summary>
    /// <exception cref="UserErrorException">There is no such option, a text does not fit, or a value is out of range.</exception>
    public static BoundMethod Read(MethodDefinition method, IReadOnlyDictionary<string, string> options) =>
        new(method, method.Read(options));

    /// <summary>Which tensors the network of the run is to train; null: all.</summary>
    internal Func<string, bool>? Trained => (Options as DiffusionOptions)?.Trained;

    /// <summary>What takes the place of forgotten words in a prompt; empty for nothing.</summary>
    internal string Anchor => (Options as DiffusionOptions)?.Anchor ?? "";

    /// <summary>Makes the method for a task.</summary>
    internal UnlearningMethod Create(UnlearningTask task) => Definition.Make(task, Options);

    /// <summary>True if the method has an option.</summary>
    internal bool Has(string option) => Definition.Options.Any(o => o.Name == option);
}

/// <summary>What a forgetting run came to.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="ModelPath">The unlearned model.</param>
/// <param name="Method">The method.</param>
/// <param name="ParentSha256">Hash of the original model's file.</param>
/// <param name="DataSha256">Fingerprint of the training data.</param>
/// <param name="Classes">Names of the classes.</param>
/// <param name="Set">What was forgotten and retained.</param>
/// <param name="Outcome">Original and unlearned model on these sets.</param>
public sealed record ForgetResult(
    string Folder,
    string ModelPath,
    MethodDefinition Method,
    string ParentSha256,
    string DataSha256,
    IReadOnlyList<string> Classes,
    ForgetSet Set,
    ForgetOutcome Outcome
)
{
    /// <summary>The original classifier on these sets.</summary>
    /// <exception cref="InvalidOperationException">The model is none.</exception>
    public Assessment Original => Classified.Original;

    /// <summary>The unlearned classifier on these sets.</summary>
    /// <exception cref="InvalidOperationException">The model is none.</exception>
    public Assessment Unlearned => Classified.Unlearned;

    /// <summary>The original model as it was given.</summary>
    public string Parent { get; init; } = "";

    /// <summary>The data set as it was given.</summary>
    public string Data { get; init; } = "";

    /// <summary>Copies of what was forgotten that other parts of the data set hold.</summary>
    public SampleCopies Copies { get; init; } = SampleCopies.None;

    /// <summary>Hash of the unlearned model's file.</summary>
    public string ModelSha256 { get; init; } = "";

    /// <summary>What the factors of products were rounded to in its steps.</summary>
    public ProductPrecision Precision { get; init; }

    /// <summary>Steps of the method.</summary>
    public long Steps { get; init; }

    /// <summary>Peak of the device's memory while the method ran, model included, evaluations not, in bytes.</summary>
    public long DeviceBytes { get; init; }

    /// <summary>Peak of the process's memory, in bytes.</summary>
    public long HostPeakBytes { get; init; }

    /// <summary>Seconds of each stage, evaluations included.</summary>
    public IReadOnlyList<(string Stage, double Seconds)> Stages { get; init; } = [];

    /// <summary>What the preparations reported.</summary>
    public IReadOnlyList<(string Stage, PreparationReport Report)> Preparations { get; init; } = [];

    /// <summary>Measurements of the method itself: a name, the value, and a sentence.</summary>
    public IReadOnlyList<(string Name, double Value, string Sentence)> Measurements { get; init; } = [];

    /// <summary>Sentences a person should read: it did not forget, or it forgot what it was to keep.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Program that made the numbers: this one, or the one that trained a reference model which was found.</summary>
    public string Producer { get; init; } = "";

    private ClassifierOutcome Classified =>
        Outcome as ClassifierOutcome ?? throw new InvalidOperationException("The model draws images: its outcome is a DenoisingOutcome.");
}
