namespace Lur.Unlearning;

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

/// <summary>A method as it is listed and chosen.</summary>
/// <param name="Name">Name on the command line.</param>
/// <param name="Title">Name in tables.</param>
/// <param name="Summary">One or two sentences: what a step does.</param>
/// <param name="Needs">What it reads.</param>
/// <param name="Source">Paper, and public code where there is some.</param>
/// <param name="Departures">Where it departs from the authors' code, and why; empty when it does not.</param>
/// <param name="Options">Options with their defaults.</param>
/// <param name="Bind">Checks the options, and gives what makes the method for a task; throws UserErrorException for an option
/// out of range.</param>
public sealed record MethodDefinition(
    string Name,
    string Title,
    string Summary,
    MethodNeeds Needs,
    string Source,
    string Departures,
    IReadOnlyList<MethodOption> Options,
    Func<OptionValues, Func<UnlearningTask, UnlearningMethod>> Bind
)
{
    /// <summary>A method whose options are a record.</summary>
    /// <typeparam name="TOptions">The record.</typeparam>
    /// <param name="name">Name on the command line.</param>
    /// <param name="title">Name in tables.</param>
    /// <param name="summary">One or two sentences: what a step does.</param>
    /// <param name="needs">What it reads.</param>
    /// <param name="source">Paper, and public code where there is some.</param>
    /// <param name="departures">Where it departs from the authors' code, and why; empty when it does not.</param>
    /// <param name="create">Makes the method for a task.</param>
    public static MethodDefinition Create<TOptions>(
        string name,
        string title,
        string summary,
        MethodNeeds needs,
        string source,
        string departures,
        Func<UnlearningTask, TOptions, UnlearningMethod> create
    )
        where TOptions : OptionRecord, IOptionList<TOptions> =>
        new(
            name,
            title,
            summary,
            needs,
            source,
            departures,
            [.. TOptions.List.Select(MethodOption.Of)],
            values =>
            {
                var options = TOptions.Read("the method " + name, values.Given);
                return task => create(task, options);
            }
        );

    /// <summary>Reads options.</summary>
    /// <exception cref="UserErrorException">The method has no such option, or a text does not fit.</exception>
    public OptionValues Read(IReadOnlyDictionary<string, string> given) => new(Name, Options, given);
}

/// <summary>Every method there is.</summary>
public static class MethodCatalog
{
    /// <summary>The methods, LUR first, then its peers, then the simple baselines.</summary>
    public static IReadOnlyList<MethodDefinition> All { get; } =
    [
        LearningToUnlearn.Definition,
        ScissorHands.Definition,
        SalUn.Definition,
        SalUnSoft.Definition,
        Retrain.Definition,
        FineTune.Definition,
        GradientAscent.Definition,
        RandomLabel.Definition,
        NegGradPlus.Definition,
        SparseFineTune.Definition,
        InfluenceUnlearning.Definition,
        BoundaryShrink.Definition,
        BoundaryExpand.Definition,
        FisherForgetting.Definition,
        SelectiveSynapticDampening.Definition,
        Scrub.Definition,
    ];

    /// <summary>Finds a method by name.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static MethodDefinition Find(string name) =>
        All.FirstOrDefault(m => m.Name == name)
        ?? throw new UserErrorException($"Method '{name}' is not known; there are {string.Join(", ", All.Select(m => m.Name))}.");
}
