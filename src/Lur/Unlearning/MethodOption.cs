using System.Globalization;

namespace Lur.Unlearning;

/// <summary>One option of a method: its name on the command line and in recipes, its default, and where that comes from.</summary>
/// <param name="Name">Lower case with hyphens, e.g. <c>mask-ratio</c>.</param>
/// <param name="Kind">What the text stands for.</param>
/// <param name="Default">Default as text.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Source">Where the default comes from: paper, public code, or "ours".</param>
/// <param name="Choices">Words of a choice and what they stand for.</param>
public sealed record MethodOption(
    string Name,
    OptionKind Kind,
    string Default,
    string Description,
    string Source,
    IReadOnlyList<(string Text, Enum Value)> Choices
)
{
    /// <summary>Defaults that a flag changes when it is set: option and text.</summary>
    public IReadOnlyList<(string Option, string Text)> Implies { get; init; } = [];

    /// <summary>An option of a record.</summary>
    internal static MethodOption Of(OptionInfo option) =>
        new(option.Name, option.Kind, option.Default, option.Description, option.Source, [.. option.Choices.Select(c => (c, (Enum)null!))])
        {
            Implies = option.Implies,
        };

    /// <summary>A number.</summary>
    public static MethodOption Number(string name, double defaultValue, string description, string source) =>
        new(name, OptionKind.Number, defaultValue.ToString("R", CultureInfo.InvariantCulture), description, source, []);

    /// <summary>A whole number.</summary>
    public static MethodOption Integer(string name, long defaultValue, string description, string source) =>
        new(name, OptionKind.Integer, defaultValue.ToString(CultureInfo.InvariantCulture), description, source, []);

    /// <summary>true or false; absent is false.</summary>
    public static MethodOption Flag(string name, string description, string source) =>
        new(name, OptionKind.Flag, "false", description, source, []);

    /// <summary>Any text.</summary>
    public static MethodOption Text(string name, string defaultValue, string description, string source) =>
        new(name, OptionKind.Text, defaultValue, description, source, []);

    /// <summary>One of a few words.</summary>
    public static MethodOption Choice<T>(
        string name,
        T defaultValue,
        string description,
        string source,
        params (string Text, T Value)[] choices
    )
        where T : struct, Enum =>
        new(
            name,
            OptionKind.Choice,
            choices.First(c => EqualityComparer<T>.Default.Equals(c.Value, defaultValue)).Text,
            description,
            source,
            [.. choices.Select(c => (c.Text, (Enum)c.Value))]
        );

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
            OptionKind.Choice => Choices.Any(c => c.Text == text),
            _ => true,
        };
        if (fits)
            return;
        var expected = Kind switch
        {
            OptionKind.Number => "a number",
            OptionKind.Integer => "a whole number",
            OptionKind.Flag => "true or false",
            _ => "one of " + string.Join(", ", Choices.Select(c => c.Text)),
        };
        throw new UserErrorException($"Option --{Name} is '{text}'; it takes {expected}.");
    }
}

/// <summary>The options of a run: what was given, and defaults for the rest.</summary>
public sealed class OptionValues
{
    private readonly Dictionary<string, (MethodOption Option, string Text)> _values = new(StringComparer.Ordinal);

    /// <summary>Checks what was given against a method's options.</summary>
    /// <param name="method">Name of the method, for messages.</param>
    /// <param name="options">Options the method has.</param>
    /// <param name="given">Texts by name.</param>
    /// <exception cref="UserErrorException">The method has no such option, or a text does not fit.</exception>
    public OptionValues(string method, IReadOnlyList<MethodOption> options, IReadOnlyDictionary<string, string> given)
    {
        Given = given;
        foreach (var option in options)
            _values.Add(option.Name, (option, option.Default));
        foreach (var (name, text) in given)
        {
            if (!_values.TryGetValue(name, out var value))
            {
                throw new UserErrorException(
                    $"Option --{name} is not an option of the method {method}; it has "
                        + $"{string.Join(", ", options.Select(o => "--" + o.Name))}."
                );
            }

            value.Option.Check(text);
            _values[name] = (value.Option, text);
        }

        foreach (var (name, text) in options.Where(o => o.Implies.Count > 0 && Flag(o.Name)).SelectMany(o => o.Implies))
        {
            if (!given.ContainsKey(name))
                _values[name] = (_values[name].Option, text);
        }
    }

    /// <summary>What was given.</summary>
    public IReadOnlyDictionary<string, string> Given { get; }

    /// <summary>Every option with its text, in the order of the definition.</summary>
    public IEnumerable<(MethodOption Option, string Text)> All => _values.Values;

    /// <summary>A number.</summary>
    public double Number(string name) => double.Parse(_values[name].Text, CultureInfo.InvariantCulture);

    /// <summary>A whole number in a range.</summary>
    /// <exception cref="UserErrorException">It is outside the range.</exception>
    public int Integer(string name, int least = 0, int most = int.MaxValue)
    {
        var value = long.Parse(_values[name].Text, CultureInfo.InvariantCulture);
        return value >= least && value <= most
            ? (int)value
            : throw new UserErrorException(
                $"Option --{name} is {value}; it must be {(most == int.MaxValue ? $"at least {least}" : $"from {least} to {most}")}."
            );
    }

    /// <summary>A number in a range, both ends included.</summary>
    /// <exception cref="UserErrorException">It is outside the range.</exception>
    public double Number(string name, double least, double most = double.PositiveInfinity)
    {
        var value = Number(name);
        return value >= least && value <= most
            ? value
            : throw new UserErrorException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Option --{name} is {value}; it must be "
                        + $"{(double.IsPositiveInfinity(most) ? string.Create(CultureInfo.InvariantCulture, $"at least {least}") : string.Create(CultureInfo.InvariantCulture, $"from {least} to {most}"))}."
                )
            );
    }

    /// <summary>true or false.</summary>
    public bool Flag(string name) => _values[name].Text == "true";

    /// <summary>A text.</summary>
    public string Text(string name) => _values[name].Text;

    /// <summary>A comma-separated list; empty for an empty text.</summary>
    public IReadOnlyList<string> List(string name) =>
        _values[name].Text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>A choice.</summary>
    public T Choice<T>(string name)
        where T : struct, Enum
    {
        var (option, text) = _values[name];
        return (T)option.Choices.First(c => c.Text == text).Value;
    }
}
