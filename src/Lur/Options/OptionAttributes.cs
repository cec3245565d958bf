namespace Lur;

/// <summary>Marks a partial record whose <see cref="OptionAttribute"/> properties are options. The source generator implements the
/// properties, their check and, for a sealed record, the list that help is made of and the reader from text. A record that is not
/// sealed is a group of options that others derive from.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class OptionsAttribute : Attribute;

/// <summary>One option: a public partial property <c>{ get; init; }</c> of type double, int, long, bool, string, a list of strings, an
/// enumeration whose members carry <see cref="ChoiceAttribute"/>, or an <see cref="IOptionText{TSelf}"/>. The summary of the property is
/// its help; a property that the summary refers to is spelt there as the option it is.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute : Attribute
{
    /// <summary>An option of a group, the default and source of which every record that derives from it gives.</summary>
    /// <param name="name">Name on the command line and in recipes: lower case with hyphens.</param>
    public OptionAttribute(string name) => Name = name;

    /// <summary>An option with its default.</summary>
    /// <param name="name">Name on the command line and in recipes: lower case with hyphens; begins with "no-" where the default is true,
    /// and the flag then switches off.</param>
    /// <param name="defaultValue">Default; of a list and of an <see cref="IOptionText{TSelf}"/> its text.</param>
    public OptionAttribute(string name, object defaultValue) => (Name, Default) = (name, defaultValue);

    /// <summary>Name on the command line and in recipes.</summary>
    public string Name { get; }

    /// <summary>Default, or null.</summary>
    public object? Default { get; }

    /// <summary>Where the default comes from: paper, public code, or "ours".</summary>
    public string Source { get; set; } = "";

    /// <summary>Help, where it is not the summary of the property.</summary>
    public string Description { get; set; } = "";

    /// <summary>Least number.</summary>
    public double Least { get; set; }

    /// <summary>Largest number.</summary>
    public double Most { get; set; }

    /// <summary>What a number must be above.</summary>
    public double Above { get; set; }

    /// <summary>What a number must be below.</summary>
    public double Below { get; set; }

    /// <summary>The range in words, as the end of "it must be ...", where the numbers alone do not say it.</summary>
    public string Range { get; set; } = "";

    /// <summary>Property of the option that this one comes before in lists; otherwise those of the base record come first.</summary>
    public string Before { get; set; } = "";
}

/// <summary>A property <c>{ get; init; } = new()</c> whose record's options are options of the record that has it.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionGroupAttribute : Attribute;

/// <summary>Default of an option that the base record declares, and where it comes from.</summary>
/// <param name="property">Property of the base record.</param>
/// <param name="value">Default.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class OptionDefaultAttribute(string property, object value) : Attribute
{
    /// <summary>Property of the base record.</summary>
    public string Property { get; } = property;

    /// <summary>Default.</summary>
    public object Value { get; } = value;

    /// <summary>Where the default comes from; that of the base record where none is given.</summary>
    public string Source { get; set; } = "";
}

/// <summary>Default that another option of the record has while this flag is set.</summary>
/// <param name="property">Property whose default changes.</param>
/// <param name="value">Its default then.</param>
[AttributeUsage(AttributeTargets.Property, AllowMultiple = true)]
public sealed class ImpliesAttribute(string property, object value) : Attribute
{
    /// <summary>Property whose default changes.</summary>
    public string Property { get; } = property;

    /// <summary>Its default then.</summary>
    public object Value { get; } = value;
}

/// <summary>Text of a member of an enumeration on the command line, in recipes and in files.</summary>
/// <param name="text">Lower case with hyphens.</param>
[AttributeUsage(AttributeTargets.Field)]
public sealed class ChoiceAttribute(string text) : Attribute
{
    /// <summary>The text.</summary>
    public string Text { get; } = text;
}
