using Lur.Models;

namespace Lur.Runs;

/// <summary>Prompts that a model knows: their rows are its table, and further ones are read by the text encoder beside it.</summary>
internal static class PromptBook
{
    /// <summary>True for a model that is told prompts.</summary>
    public static bool IsOf(Model model) => model.Spec is UNetSpec { Condition: ClassCondition.Prompt };

    /// <summary>The model with further prompts, behind those that it knows.</summary>
    /// <param name="model">The model; of no use afterwards where another one is given back.</param>
    /// <param name="modelPath">Its file.</param>
    /// <param name="prompts">Prompts, known ones too.</param>
    /// <exception cref="UserErrorException">It does not know one.</exception>
    public static Model Extend(Model model, string modelPath, IReadOnlyList<string> prompts)
    {
        var known = model.ClassNames.ToHashSet(StringComparer.Ordinal);
        return prompts.FirstOrDefault(p => !known.Contains(p)) is { } missing
            ? throw new UserErrorException($"'{modelPath}' does not know the prompt '{missing}'; give prompts that it was trained with.")
            : model;
    }
}
