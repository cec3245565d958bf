using System.Globalization;

namespace Lur;

/// <summary>Options of a method or of training: a record with a property an option. See <see cref="OptionsAttribute"/>.</summary>
public abstract record OptionRecord
{
    /// <summary>Name of the record in messages.</summary>
    protected abstract string TypeName { get; }

    /// <summary>Its options; none for a group, which alone has no list.</summary>
    protected virtual IReadOnlyList<OptionInfo> Infos => [];

    /// <summary>Refuses values out of range, and values that do not go together.</summary>
    /// <exception cref="OptionException">Names the property, its value and its range.</exception>
    public virtual void Validate() { }

    /// <summary>Every option with its text, in the order of the list; none for a group alone.</summary>
    public virtual IReadOnlyList<(OptionInfo Option, string Text)> Texts() => [];

    /// <summary>What a run with these options is known by in a checkpoint: name and text of each option, and the seed.</summary>
    internal IReadOnlyList<(string Name, string Value)> Identity(ulong seed) =>
        [.. Texts().Select(o => ("option " + o.Option.Name, o.Text)), ("seed", seed.ToString(CultureInfo.InvariantCulture))];

    /// <summary>An error in these options.</summary>
    /// <param name="sentence">See <see cref="OptionException"/>.</param>
    public OptionException Refusal(string sentence) => new(TypeName, Infos, sentence);

    /// <summary>An error in the range of a number.</summary>
    /// <param name="property">Property, with that of its group.</param>
    /// <param name="value">Its value.</param>
    /// <param name="range">End of "it must be ...".</param>
    protected OptionException OutOfRange(string property, double value, string range) =>
        Refusal(string.Create(CultureInfo.InvariantCulture, $"[{property}] is {value}; it must be {range}."));

    /// <summary>An error in a choice that is none.</summary>
    /// <param name="property">Property, with that of its group.</param>
    /// <param name="value">Its value as a number.</param>
    /// <param name="members">Members of the enumeration.</param>
    protected OptionException NoChoice(string property, long value, string members) =>
        Refusal(string.Create(CultureInfo.InvariantCulture, $"[{property}] is {value}; it must be one of {members}."));
}

/// <summary>A complete record of options: what the source generator adds to a sealed record with <see cref="OptionsAttribute"/>.</summary>
/// <typeparam name="TSelf">The record.</typeparam>
public interface IOptionList<TSelf>
    where TSelf : OptionRecord, IOptionList<TSelf>
{
    /// <summary>The options, in the order of help.</summary>
    static abstract IReadOnlyList<OptionInfo> List { get; }

    /// <summary>Reads options given by name, defaults for the rest.</summary>
    /// <param name="owner">Whose options they are, for messages: "the method salun".</param>
    /// <param name="texts">Texts by name.</param>
    /// <exception cref="UserErrorException">There is no such option, a text does not fit, or a value is out of range.</exception>
    static abstract TSelf Read(string owner, IReadOnlyDictionary<string, string> texts);
}

/// <summary>Checks in the middle of an expression.</summary>
public static class OptionRecordExtensions
{
    /// <summary>The options, checked: for a constructor that hands them on.</summary>
    /// <exception cref="OptionException">A value is out of range.</exception>
    public static T Validated<T>(this T options)
        where T : OptionRecord
    {
        options.Validate();
        return options;
    }
}
