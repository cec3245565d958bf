using System.CommandLine;
using Lur.Runs;

namespace Lur.Cli.Commands;

/// <summary>Spelling of choices that are options of no record.</summary>
internal static class OptionText
{
    private static readonly (Enum Value, string Text)[] s_choices =
    [
        (AttackChoice.None, "none"),
        (AttackChoice.Scalar, "scalar"),
        (AttackChoice.All, "all"),
    ];

    /// <summary>Text of a choice.</summary>
    public static string Of(Enum value) => s_choices.First(c => c.Value.Equals(value)).Text;

    /// <summary>An option that takes one of the texts of an enumeration.</summary>
    public static Option<string> Choice<T>(string name, string description, T defaultValue)
        where T : struct, Enum
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => Of(defaultValue) };
        option.AcceptOnlyFromAmong([.. s_choices.Where(c => c.Value is T).Select(c => c.Text)]);
        return option;
    }

    /// <summary>The choice of a text.</summary>
    public static T Parse<T>(string? text)
        where T : struct, Enum => (T)s_choices.First(c => c.Value is T && c.Text == text).Value;
}
