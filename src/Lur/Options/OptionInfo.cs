using System.Globalization;

namespace Lur;

/// <summary>What the text of an option stands for.</summary>
public enum OptionKind
{
    /// <summary>A number.</summary>
    Number,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>true or false.</summary>
    Flag,

    /// <summary>One of a few words.</summary>
    Choice,

    /// <summary>Any text; comma-separated lists are texts.</summary>
    Text,
}

/// <summary>An option as it is listed: made by the source generator from a property with <see cref="OptionAttribute"/>.</summary>
/// <param name="Name">Name on the command line and in recipes, e.g. <c>mask-ratio</c>.</param>
/// <param name="Property">Property of the record, e.g. <c>MaskRatio</c>; with that of its group where it is in one.</param>
/// <param name="Kind">What the text stands for.</param>
/// <param name="Default">Default as text.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Source">Where the default comes from: paper, public code, or "ours".</param>
public sealed record OptionInfo(string Name, string Property, OptionKind Kind, string Default, string Description, string Source)
{
    /// <summary>Words of a choice.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Defaults that a flag changes when it is set: option and text.</summary>
    public IReadOnlyList<(string Option, string Text)> Implies { get; init; } = [];

    /// <summary>The range as the end of "it must be ...", or empty.</summary>
    public string Range { get; init; } = "";

    /// <summary>What a text that is no kind of its own takes, as the end of "it takes ...".</summary>
    public string Expected { get; init; } = "";

    /// <summary>Whether a text is one of <see cref="Expected"/>; null takes every text.</summary>
    public Func<string, bool>? Takes { get; init; }

    /// <summary>The option on the command line.</summary>
    public string Flag => "--" + Name;

    /// <summary>Refuses a text that does not fit the kind.</summary>
    /// <exception cref="UserErrorException">Names the option and what it takes.</exception>
    public void Check(string text)
    {
        var fits = Kind switch
        {
            OptionKind.Number => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                && double.IsFinite(number),
            OptionKind.Integer => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
            OptionKind.Flag => text is "true" or "false",
            OptionKind.Choice => Choices.Contains(text),
            _ => Takes?.Invoke(text) ?? true,
        };
        if (fits)
            return;
        var expected = Kind switch
        {
            OptionKind.Number => "a number",
            OptionKind.Integer => "a whole number",
            OptionKind.Flag => "true or false",
            OptionKind.Choice => "one of " + string.Join(", ", Choices),
            _ => Expected,
        };
        var near = Kind == OptionKind.Choice ? Spelling.Near(text, Choices) : [];
        throw new UserErrorException(
            $"Option {Flag} is '{text}'; it takes {expected}{(near.Count > 0 ? $" (did you mean '{near[0]}'?)" : "")}."
        )
        {
            IsUsage = true,
        };
    }
}

/// <summary>A type that is an option of its own text, for example a number of bytes.</summary>
/// <typeparam name="TSelf">The type.</typeparam>
public interface IOptionText<TSelf>
    where TSelf : IOptionText<TSelf>
{
    /// <summary>What <see cref="TryParse"/> takes, as the end of "it takes ...".</summary>
    static abstract string Expected { get; }

    /// <summary>Every text there is; empty where there are too many to list.</summary>
    static virtual IReadOnlyList<string> Choices => [];

    /// <summary>The text that gives the value back.</summary>
    string Text { get; }

    /// <summary>Reads a text.</summary>
    static abstract bool TryParse(string text, out TSelf value);
}

/// <summary>Texts of values, the same on every machine.</summary>
public static class OptionFormat
{
    /// <summary>The shortest text that reads back to the same number.</summary>
    public static string Of(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Text of a whole number.</summary>
    public static string Of(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>true or false.</summary>
    public static string Of(bool value) => value ? "true" : "false";

    /// <summary>The text itself.</summary>
    public static string Of(string value) => value;

    /// <summary>The parts of a list with commas between them.</summary>
    public static string Of(IReadOnlyList<string> value) => string.Join(',', value);

    /// <summary>Text of a value that knows its own.</summary>
    public static string Of<T>(T value)
        where T : IOptionText<T> => value.Text;

    /// <summary>The value of a text that is known to be one.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static T Parse<T>(string text)
        where T : IOptionText<T> => T.TryParse(text, out var value) ? value : throw new FormatException($"'{text}' is not {T.Expected}.");

    /// <summary>The parts of a comma-separated list; none for an empty text.</summary>
    public static IReadOnlyList<string> ParseList(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
