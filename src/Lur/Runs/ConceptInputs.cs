using Lur.Checkpoints;
using Lur.Data;
using Lur.Models;
using Lur.Verification.Concepts;

namespace Lur.Runs;

/// <summary>What a verification of a concept begins with: which runs have one, and what is asked for.</summary>
internal static class ConceptInputs
{
    /// <summary>True for the file of a model that is told prompts; false for one that cannot be read.</summary>
    public static bool TakesPrompts(string path)
    {
        try
        {
            if (!ModelFile.DrawsImages(path))
                return false;
            using var file = SafeTensorsFile.Open(path);
            return file.Metadata.ContainsKey(ModelMetadata.Architecture)
                && ModelMetadata.ReadSpec(file, null) is UNetSpec { Condition: ClassCondition.Prompt };
        }
        catch (UserErrorException)
        {
            return false;
        }
    }

    /// <summary>The prompts of a file, or those of the generated captions for what a run forgot.</summary>
    /// <param name="settings">Names the file.</param>
    /// <param name="task">The run.</param>
    /// <param name="spell">How an option is named.</param>
    /// <exception cref="UserErrorException">There are none.</exception>
    public static ConceptPrompts PromptsOf(ConceptSettings settings, ForgetTask task, Func<string, string> spell)
    {
        if (settings.Prompts is { } path)
            return ConceptPrompts.Read(path);
        var words = task.Forget.SelectMany(ForgetSpecification.CaptionWordsOf).FirstOrDefault();
        if (words is not null && GeneratedSets.ShapesOf(task.Data) is not null)
            return ConceptPrompts.OfCaptions(words);
        throw new UserErrorException(
            $"Nobody knows which prompts mean what '{task.Folder}' forgot; give a file of prompts with {spell("prompts")}: "
                + $"{ConceptPrompts.Form}."
        );
    }

    /// <summary>Every prompt that models are asked for or the original compares.</summary>
    public static IReadOnlyList<string> Wanted(ConceptPrompts prompts) =>
        [.. prompts.All.Concat(prompts.Asked.Prompts.SelectMany(prompts.Candidates)).Distinct(StringComparer.Ordinal)];
}
