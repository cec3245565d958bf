namespace Lur.Unlearning;

/// <summary>What a model is for, as far as a method must know.</summary>
public enum MethodTask
{
    /// <summary>Telling classes apart.</summary>
    Classification,

    /// <summary>Drawing images: a diffusion model.</summary>
    Diffusion,
}

/// <summary>What a method reads beside the model.</summary>
[Flags]
public enum MethodNeeds
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Images of the retain set.</summary>
    RetainData = 1,

    /// <summary>Images of the forget set.</summary>
    ForgetData = 2,

    /// <summary>True labels of the forget set.</summary>
    ForgetLabels = 4,

    /// <summary>Per-sample or per-batch squared gradients (a Fisher diagonal or its inverse).</summary>
    Fisher = 8,
}

/// <summary>A method as it is listed, chosen by name, and made from its options.</summary>
public sealed class MethodDefinition
{
    private readonly Func<IReadOnlyDictionary<string, string>, OptionRecord> _read;
    private readonly Func<UnlearningTask, OptionRecord, UnlearningMethod> _make;

    private MethodDefinition(
        IReadOnlyList<OptionInfo> options,
        Func<IReadOnlyDictionary<string, string>, OptionRecord> read,
        Func<UnlearningTask, OptionRecord, UnlearningMethod> make
    ) => (Options, _read, _make) = (options, read, make);

    /// <summary>What its models are for. A name may stand for two methods, one for each.</summary>
    public MethodTask Task { get; private init; }

    /// <summary>Name on the command line.</summary>
    public required string Name { get; init; }

    /// <summary>Name in tables.</summary>
    public required string Title { get; init; }

    /// <summary>One or two sentences: what a step does.</summary>
    public required string Summary { get; init; }

    /// <summary>What it reads.</summary>
    public required MethodNeeds Needs { get; init; }

    /// <summary>Paper, and public code where there is some.</summary>
    public required string Source { get; init; }

    /// <summary>Where it departs from the authors' code, and why; empty when it does not.</summary>
    public required string Departures { get; init; }

    /// <summary>Options with their defaults.</summary>
    public IReadOnlyList<OptionInfo> Options { get; }

    /// <summary>A method whose options are a record.</summary>
    /// <typeparam name="TOptions">The record.</typeparam>
    /// <param name="name">Name on the command line.</param>
    /// <param name="title">Name in tables.</param>
    /// <param name="summary">One or two sentences: what a step does.</param>
    /// <param name="needs">What it reads.</param>
    /// <param name="source">Paper, and public code where there is some.</param>
    /// <param name="departures">Where it departs from the authors' code, and why; empty when it does not.</param>
    /// <param name="make">Makes the method for a task.</param>
    /// <param name="models">What its models are for.</param>
    public static MethodDefinition Create<TOptions>(
        string name,
        string title,
        string summary,
        MethodNeeds needs,
        string source,
        string departures,
        Func<UnlearningTask, TOptions, UnlearningMethod> make,
        MethodTask models = MethodTask.Classification
    )
        where TOptions : OptionRecord, IOptionList<TOptions> =>
        new(
            TOptions.List,
            texts => TOptions.Read("the method " + name, texts),
            (task, options) =>
                options is TOptions own
                    ? make(task, own)
                    : throw new ArgumentException(
                        $"The method {name} takes {typeof(TOptions).Name}, not {options.GetType().Name}.",
                        nameof(options)
                    )
        )
        {
            Name = name,
            Title = title,
            Summary = summary,
            Needs = needs,
            Source = source,
            Departures = departures,
            Task = models,
        };

    /// <summary>Reads options given by name, as the command and recipes give them; defaults for the rest.</summary>
    /// <exception cref="UserErrorException">There is no such option, a text does not fit, or a value is out of range.</exception>
    public OptionRecord Read(IReadOnlyDictionary<string, string> texts) => _read(texts);

    /// <summary>Makes the method for a task.</summary>
    /// <param name="task">What the method is given.</param>
    /// <param name="options">Options of this method.</param>
    /// <exception cref="ArgumentException">The options are another method's.</exception>
    /// <exception cref="OptionException">A value is out of range.</exception>
    /// <exception cref="UserErrorException">The method is not for such a model.</exception>
    public UnlearningMethod Make(UnlearningTask task, OptionRecord options)
    {
        ArgumentNullException.ThrowIfNull(task);
        var models = MethodCatalog.TaskOf(task.Model.Spec);
        return models == Task ? _make(task, options) : throw MethodCatalog.Unsuited(Name, models);
    }
}
