using System.Text;

namespace Lur.Generators.Options;

/// <summary>Writes the list of a complete record and its reader.</summary>
internal static class OptionListWriter
{
    public static void List(StringBuilder text, RecordModel record)
    {
        text.Append(
            "\n    /// <inheritdoc/>\n    public static global::System.Collections.Generic.IReadOnlyList<global::Lur.OptionInfo> List "
        );
        text.Append("{ get; } =\n    [\n");
        foreach (var option in record.All)
        {
            var description = OptionDescription.Spell(OptionDescription.WithImplied(option, record.All), record.All);
            text.Append($"        new(\"{option.Name}\", \"{option.Path}\", {Kind(option)}, {DefaultText(option)},\n");
            text.Append($"            {OptionTypes.Literal(description)},\n            {OptionTypes.Literal(option.Source)})");
            var more = string.Join(", ", Extras(record, option));
            text.Append(more.Length > 0 ? $" {{ {more} }},\n" : ",\n");
        }

        text.Append("    ];\n");
    }

    public static void Read(StringBuilder text, RecordModel record)
    {
        text.Append($"\n    /// <inheritdoc/>\n    public static {record.Name} Read(\n        string owner,\n");
        text.Append("        global::System.Collections.Generic.IReadOnlyDictionary<string, string> texts\n    )\n    {\n");
        text.Append("        var reader = new global::Lur.OptionReader(owner, List, texts);\n");
        text.Append($"        var options = new {record.Name}();\n");
        foreach (var option in record.All)
        {
            var set = $"{option.Property} = {Value(option)}";
            var change = option.Group is null ? set : $"{option.Group} = options.{option.Group} with {{ {set} }}";
            text.Append($"        if (reader.Has(\"{option.Name}\"))\n            options = options with {{ {change} }};\n");
        }

        text.Append("        return global::Lur.OptionReader.Checked(options);\n    }\n");
    }

    /// <summary>The text of an option's value, as C#.</summary>
    public static string TextOf(OptionModel option)
    {
        if (option.Type != OptionType.Choice)
            return $"global::Lur.OptionFormat.Of({(option.Inverted ? "!" : "")}{option.Path})";
        var arms = option.Choices.Select(c => $"{option.TypeName}.{c.Member} => \"{c.Text}\"");
        return $"{option.Path} switch {{ {string.Join(", ", arms)}, _ => \"\" }}";
    }

    private static string Value(OptionModel option)
    {
        var name = $"(\"{option.Name}\")";
        return option.Type switch
        {
            OptionType.Number => "reader.Number" + name,
            OptionType.Integer => "reader.Integer" + name,
            OptionType.LongInteger => "reader.LongInteger" + name,
            OptionType.Flag => (option.Inverted ? "!reader.Flag" : "reader.Flag") + name,
            OptionType.List => "reader.List" + name,
            OptionType.Value => $"reader.Value<{option.TypeName}>{name}",
            OptionType.Choice => $"reader.Text{name} switch {{ {Arms(option)} }}",
            _ => "reader.Text" + name,
        };
    }

    // The reader has refused every text that is no choice.
    private static string Arms(OptionModel option) =>
        string.Join(
            ", ",
            option.Choices.Select((c, i) => $"{(i == option.Choices.Count - 1 ? "_" : $"\"{c.Text}\"")} => {option.TypeName}.{c.Member}")
        );

    private static string Kind(OptionModel option) =>
        "global::Lur.OptionKind."
        + option.Type switch
        {
            OptionType.Number => "Number",
            OptionType.Integer or OptionType.LongInteger => "Integer",
            OptionType.Flag => "Flag",
            OptionType.Choice => "Choice",
            OptionType.Value when option.ListsChoices => "Choice",
            _ => "Text",
        };

    private static string DefaultText(OptionModel option) =>
        option.Type switch
        {
            OptionType.Number => $"global::Lur.OptionFormat.Of({option.Default!.Value.Expression})",
            OptionType.Flag => option.Inverted == (option.Default!.Value.Text == "true") ? "\"false\"" : "\"true\"",
            _ => OptionTypes.Literal(option.Default!.Value.Text),
        };

    private static IEnumerable<string> Extras(RecordModel record, OptionModel option)
    {
        if (option.Choices.Count > 0)
            yield return $"Choices = [{string.Join(", ", option.Choices.Select(c => $"\"{c.Text}\""))}]";
        if (option.Range.Text.Length > 0)
            yield return $"Range = {OptionTypes.Literal(option.Range.Text)}";
        if (option.Implies.Count > 0)
        {
            var pairs = option.Implies.Select(i =>
                $"(\"{record.All.First(o => o.Property == i.Property).Name}\", {OptionTypes.Literal(i.Value.Text)})"
            );
            yield return $"Implies = [{string.Join(", ", pairs)}]";
        }

        if (option.ListsChoices)
        {
            yield return $"Choices = {option.TypeName}.Choices";
        }
        else if (option.Type == OptionType.Value)
        {
            yield return $"Expected = {option.TypeName}.Expected";
            yield return $"Takes = static text => {option.TypeName}.TryParse(text, out _)";
        }
    }
}
