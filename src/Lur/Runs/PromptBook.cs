using Lur.Models;

namespace Lur.Runs;

/// <summary>Prompts that a model knows: their rows are its table, and further ones are read by the text encoder beside it.</summary>
internal static class PromptBook
{
    /// <summary>True for a model that is told prompts.</summary>
    public static bool IsOf(Model model) => model.Spec is UNetSpec { Condition: ClassCondition.Prompt };
}
