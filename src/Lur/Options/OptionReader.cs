using System.Globalization;

namespace Lur;

/// <summary>Texts of options, checked against a list: what generated readers read from.</summary>
public sealed class OptionReader
{
    private readonly IReadOnlyDictionary<string, string> _texts;
    private readonly IReadOnlyList<OptionInfo> _list;

    /// <summary>Checks the texts.</summary>
    /// <param name="owner">Whose options they are, for messages: "the method salun".</param>
    /// <param name="list">Options there are.</param>
    /// <param name="texts">Texts by name.</param>
    /// <exception cref="UserErrorException">There is no such option, or a text does not fit.</exception>
    public OptionReader(string owner, IReadOnlyList<OptionInfo> list, IReadOnlyDictionary<string, string> texts)
    {
        (_list, _texts) = (list, texts);
        foreach (var (name, text) in texts)
        {
            var option =
                list.FirstOrDefault(o => o.Name == name)
                ?? throw new UserErrorException(
                    $"Option --{name} is not an option of {owner}; "
                        + Spelling.DidYouMean(
                            "--" + name,
                            list.Select(o => o.Flag),
                            $"it has {string.Join(", ", list.Select(o => o.Flag))}."
                        )
                );
            option.Check(text);
        }
    }

    /// <summary>Whether an option was given.</summary>
    public bool Has(string name) => _texts.ContainsKey(name);

    /// <summary>A number that was given.</summary>
    public double Number(string name) => double.Parse(_texts[name], NumberStyles.Float, CultureInfo.InvariantCulture);

    /// <summary>A whole number that was given.</summary>
    /// <exception cref="UserErrorException">It is beyond the numbers of the property.</exception>
    public int Integer(string name)
    {
        var value = LongInteger(name);
        if (value is >= int.MinValue and <= int.MaxValue)
            return (int)value;
        var range = _list.First(o => o.Name == name).Range;
        throw new UserErrorException($"Option --{name} is {value}; it must be {(range.Length == 0 ? $"at most {int.MaxValue}" : range)}.");
    }

    /// <summary>A whole number that was given.</summary>
    public long LongInteger(string name) => long.Parse(_texts[name], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    /// <summary>A flag that was given.</summary>
    public bool Flag(string name) => _texts[name] == "true";

    /// <summary>A text that was given.</summary>
    public string Text(string name) => _texts[name];

    /// <summary>A comma-separated list that was given.</summary>
    public IReadOnlyList<string> List(string name) => OptionFormat.ParseList(_texts[name]);

    /// <summary>A value of its own text that was given.</summary>
    public T Value<T>(string name)
        where T : IOptionText<T> => OptionFormat.Parse<T>(_texts[name]);

    /// <summary>The options that were read, checked, with options spelt as they were given.</summary>
    /// <exception cref="UserErrorException">A value is out of range.</exception>
    public static T Checked<T>(T options)
        where T : OptionRecord
    {
        try
        {
            options.Validate();
            return options;
        }
        catch (OptionException e)
        {
            throw new UserErrorException(e.Spell(), e);
        }
    }
}
