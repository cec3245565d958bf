using Lur.Data;
using Lur.Models;

namespace Lur.Unlearning;

/// <summary>Prompts in which an anchor takes the place of the words that are to be forgotten (Kumari et al. 2023): "a red star above a blue
/// ring" with the anchor "disc" is "a red disc above a blue ring".</summary>
public static class AnchoredPrompts
{
    /// <summary>Prompts that a model has to know beside those of the data.</summary>
    /// <param name="prompts">Prompts of the data.</param>
    /// <param name="set">What is to be forgotten; the words are those of its <c>caption:</c> specifications.</param>
    /// <param name="anchor">The anchor.</param>
    public static IReadOnlyList<string> Missing(IReadOnlyList<string> prompts, ForgetSet set, string anchor)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        var words = Words(set);
        var anchored = prompts.Where(p => Has(p, words)).Select(p => Replaced(p, words, anchor));
        // And the way back, for a method that shows images of the anchor under the words.
        var shown = words
            .Take(1)
            .SelectMany(w => prompts.Where(p => CaptionWords.Contains(p, anchor)).Select(p => CaptionWords.Replace(p, anchor, w)));
        return [.. anchored.Concat(shown).Except(prompts, StringComparer.Ordinal)];
    }

    /// <summary>For each prompt of a model the one that takes its place; itself where nothing of it is forgotten.</summary>
    /// <param name="model">A model that takes prompts, and knows those of <see cref="Missing"/>.</param>
    /// <param name="set">What is to be forgotten.</param>
    /// <param name="anchor">The anchor.</param>
    /// <exception cref="UserErrorException">No words are to be forgotten, or the model does not take prompts.</exception>
    public static IReadOnlyList<int> Table(Model model, ForgetSet set, string anchor)
    {
        ArgumentNullException.ThrowIfNull(model);
        var (spec, words) = (model.Spec as UNetSpec, Words(set));
        if (spec is not { Condition: ClassCondition.Prompt })
            throw new UserErrorException($"{model.Architecture} takes no prompts, so no anchor can stand in one; leave the anchor out.");
        if (words.Count == 0)
            throw new UserErrorException(
                $"An anchor '{anchor}' was given, but no words are to be forgotten whose place it could take; give a concept, or "
                    + "caption:WORDS."
            );
        if (words.Find(w => CaptionWords.Contains(anchor, w)) is { } same)
            throw new UserErrorException(
                $"The anchor '{anchor}' has the words '{same}' that are to be forgotten, so that nothing would change; take other words."
            );
        var places = model.ClassNames.Index().ToDictionary(p => p.Item, p => p.Index, StringComparer.Ordinal);
        int[] table = [.. Sequences.Range(0, spec.TableRows)];
        for (var c = 0; c < model.ClassNames.Count; c++)
            if (Has(model.ClassNames[c], words))
                table[c] = places[Replaced(model.ClassNames[c], words, anchor)];
        return table;
    }

    /// <summary>For each prompt with the anchor the one that has the first of the forgotten words in its place; itself for
    /// another.</summary>
    /// <param name="model">A model that takes prompts, and knows those of <see cref="Missing"/>.</param>
    /// <param name="set">What is to be forgotten.</param>
    /// <param name="anchor">The anchor.</param>
    public static IReadOnlyList<int> Back(Model model, ForgetSet set, string anchor)
    {
        ArgumentNullException.ThrowIfNull(model);
        var (spec, word) = ((UNetSpec)model.Spec, Words(set)[0]);
        var places = model.ClassNames.Index().ToDictionary(p => p.Item, p => p.Index, StringComparer.Ordinal);
        int[] table = [.. Sequences.Range(0, spec.TableRows)];
        for (var c = 0; c < model.ClassNames.Count; c++)
            if (
                CaptionWords.Contains(model.ClassNames[c], anchor)
                && places.TryGetValue(CaptionWords.Replace(model.ClassNames[c], anchor, word), out var place)
            )
                table[c] = place;
        return table;
    }

    private static List<string> Words(ForgetSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return [.. set.Specifications.SelectMany(ForgetSpecification.CaptionWordsOf)];
    }

    private static bool Has(string prompt, List<string> words) => words.Exists(w => CaptionWords.Contains(prompt, w));

    private static string Replaced(string prompt, List<string> words, string anchor) =>
        words.Aggregate(prompt, (text, w) => CaptionWords.Replace(text, w, anchor));
}
