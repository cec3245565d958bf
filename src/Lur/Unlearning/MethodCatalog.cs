using Lur.Models;

namespace Lur.Unlearning;

/// <summary>Every method there is.</summary>
public static class MethodCatalog
{
    /// <summary>The methods for classifiers, LUR first, then its peers, then the simple baselines.</summary>
    public static IReadOnlyList<MethodDefinition> Classification { get; } =
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

    /// <summary>The methods for diffusion models.</summary>
    public static IReadOnlyList<MethodDefinition> Diffusion { get; } =
    [
        DiffusionLur.Definition,
        DiffusionScissorHands.Definition,
        DiffusionSalUn.Definition,
        DiffusionErase.Definition,
        DiffusionAblation.Definition,
        SelectiveAmnesia.Definition,
        DiffusionRetrain.Definition,
        DiffusionFineTune.Definition,
        DiffusionGradientAscent.Definition,
        DiffusionRelabel.Definition,
        DiffusionNegGradPlus.Definition,
        DiffusionSparseFineTune.Definition,
        DiffusionDampening.Definition,
    ];

    /// <summary>All of them, those for classifiers first.</summary>
    public static IReadOnlyList<MethodDefinition> All { get; } = [.. Classification, .. Diffusion];

    /// <summary>Their names, each once.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(m => m.Name).Distinct()];

    /// <summary>What models of an architecture are for.</summary>
    public static MethodTask TaskOf(ModelSpec spec) => spec is UNetSpec ? MethodTask.Diffusion : MethodTask.Classification;

    /// <summary>The methods for a task.</summary>
    public static IReadOnlyList<MethodDefinition> For(MethodTask task) => task == MethodTask.Diffusion ? Diffusion : Classification;

    /// <summary>Finds the method of a name for a task, the name in any case.</summary>
    /// <exception cref="UserErrorException">There is none of that name, or it is not for such models.</exception>
    public static MethodDefinition Find(string name, MethodTask task) =>
        For(task).FirstOrDefault(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? throw Unsuited(Find(name).Name, task);

    /// <summary>A method that is not for such models.</summary>
    internal static UserErrorException Unsuited(string name, MethodTask task) =>
        new(
            $"The method '{name}' is for {(task == MethodTask.Diffusion ? "classifiers, and this model draws images" : "models that draw "
                + "images, and this one is a classifier")}; for such a model there are {string.Join(", ", For(task).Select(m => m.Name))}."
        );

    /// <summary>Finds a method by name, in any case; that for classifiers where there are two.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public static MethodDefinition Find(string name) =>
        All.FirstOrDefault(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new UserErrorException(
            $"The method '{name}' is not known; " + Spelling.DidYouMean(name, Names, $"there are {string.Join(", ", Names)}.")
        );
}
