using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Lur.Cli.Commands;

/// <summary>Numbers on the command line: digits, '.' and an exponent on every machine, whatever language it speaks, and nothing between
/// groups of digits. '0,05' is no number, where the usual parser would take it for 5 or 0.05.</summary>
internal static class NumberText
{
    /// <summary>Reads the number that was given.</summary>
    /// <typeparam name="T">Its type; double takes a fraction.</typeparam>
    /// <param name="result">Where the text is, and where an error goes.</param>
    public static T Parse<T>(ArgumentResult result)
        where T : struct, INumber<T>
    {
        var text = result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;
        var fraction = typeof(T) == typeof(double);
        var style = fraction ? NumberStyles.Float : NumberStyles.AllowLeadingSign;
        if (T.TryParse(text, style, CultureInfo.InvariantCulture, out var value) && T.IsFinite(value))
            return value;
        var option = (result.Parent as OptionResult)?.Option.Name ?? result.Argument.Name;
        result.AddError($"Option {option} is '{text}'; it takes {(fraction ? "a number, such as 0.05" : "a whole number")}.");
        return default;
    }
}
