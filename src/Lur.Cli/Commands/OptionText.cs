using System.CommandLine;
using Lur.Runs;
using Lur.Tasks.Diffusion;

namespace Lur.Cli.Commands;

/// <summary>Choices: in any case, with the nearest word where one is mistaken.</summary>
internal static class OptionText
{
    private const int LongestLabel = 18;

    private static readonly (Enum Value, string Text)[] s_choices =
    [
        (AttackChoice.None, "none"),
        (AttackChoice.Scalar, "scalar"),
        (AttackChoice.All, "all"),
        .. Enum.GetValues<SamplerKind>().Select(k => ((Enum)k, k.Name())),
    ];

    /// <summary>Text of a choice.</summary>
    public static string Of(Enum value) => s_choices.First(c => c.Value.Equals(value)).Text;

    /// <summary>An option that takes one of the texts of an enumeration.</summary>
    public static Option<string> Choice<T>(string name, string description, T defaultValue)
        where T : struct, Enum
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => Of(defaultValue) };
        option.TakesOneOf([.. s_choices.Where(c => c.Value is T).Select(c => c.Text)]);
        return option;
    }

    /// <summary>The choice of a text.</summary>
    public static T Parse<T>(string? text)
        where T : struct, Enum => (T)s_choices.First(c => c.Value is T && c.Text.Equals(text, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>Lets an option take a few words only. Its help shows them where there is room.</summary>
    public static void TakesOneOf(this Option option, IReadOnlyList<string> words)
    {
        var list = string.Join('|', words);
        // Beside the name where there is room, else at the end of the description.
        if (option.Name.Length + list.Length <= LongestLabel)
            option.HelpName = list;
        else if (!words.All(w => option.Description!.Contains(w, StringComparison.Ordinal)))
            option.Description = $"{option.Description} One of {string.Join(", ", words)}.";
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
                if (Mistake(option.Name, token.Value, words) is { } sentence)
                    result.AddError(sentence);
        });
        option.CompletionSources.Add(_ => words.Select(w => new System.CommandLine.Completions.CompletionItem(w)));
    }

    /// <summary>The sentence about a word that is none of those there are; null where it is one, in any case.</summary>
    private static string? Mistake(string option, string word, IReadOnlyList<string> words) =>
        words.Contains(word, StringComparer.OrdinalIgnoreCase)
            ? null
            : $"Option {option} is '{word}'; "
                + Spelling.DidYouMean(word, words, $"it takes {(words.Count == 1 ? "" : "one of ")}{string.Join(", ", words)}.");
}
