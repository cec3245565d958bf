namespace Lur.Generators.Options;

/// <summary>What a property of an option is.</summary>
internal enum OptionType
{
    Number,
    Integer,
    LongInteger,
    Flag,
    Text,
    List,
    Choice,

    /// <summary>A type that implements IOptionText.</summary>
    Value,
}

/// <summary>A constant of the compiled code.</summary>
/// <param name="Expression">As C#.</param>
/// <param name="Text">As text of an option; of a flag that of the property, before "no-" turns it round.</param>
/// <param name="Number">As a number, where it is one.</param>
internal readonly record struct OptionConstant(string Expression, string Text, double? Number);

/// <summary>An option of a record, own or inherited, with the default and source it has there.</summary>
internal sealed class OptionModel(string name, string property, OptionType type, string typeName)
{
    public string Name { get; } = name;

    public string Property { get; } = property;

    public OptionType Type { get; } = type;

    /// <summary>Type of the property, in full.</summary>
    public string TypeName { get; } = typeName;

    /// <summary>Property of the record that holds the group, or null.</summary>
    public string? Group { get; set; }

    /// <summary>Property as messages name it.</summary>
    public string Path => Group is null ? Property : Group + "." + Property;

    public OptionConstant? Default { get; set; }

    /// <summary>True for a flag that switches off what is on.</summary>
    public bool Inverted { get; set; }

    public string Source { get; set; } = "";

    /// <summary>Summary of the property; references to properties are <c>{Property}</c>.</summary>
    public string Description { get; set; } = "";

    public string Before { get; set; } = "";

    public OptionRange Range { get; set; } = new(null, null, null, null, "");

    /// <summary>True for a type of its own text that lists every text there is.</summary>
    public bool ListsChoices { get; set; }

    /// <summary>Members of an enumeration and their texts.</summary>
    public IReadOnlyList<(string Member, string Text)> Choices { get; set; } = [];

    /// <summary>Defaults that the flag changes: property and value.</summary>
    public List<(string Property, OptionConstant Value)> Implies { get; } = [];

    public bool IsReference => Type is OptionType.Text or OptionType.List;
}

/// <summary>A record with options, as the writer needs it.</summary>
internal sealed class RecordModel(string space, string name, bool isSealed, bool hasBase)
{
    public string Namespace { get; } = space;

    public string Name { get; } = name;

    public bool IsSealed { get; } = isSealed;

    /// <summary>Whether the record it derives from has options.</summary>
    public bool HasBase { get; } = hasBase;

    /// <summary>Every option, in the order of lists.</summary>
    public List<OptionModel> All { get; } = [];

    /// <summary>Options that the record itself declares, those of its groups not among them.</summary>
    public List<OptionModel> Own { get; } = [];

    /// <summary>Options of groups that the record itself has.</summary>
    public List<OptionModel> Grouped { get; } = [];

    /// <summary>Defaults of inherited options that the record changes.</summary>
    public List<OptionModel> Overridden { get; } = [];
}
