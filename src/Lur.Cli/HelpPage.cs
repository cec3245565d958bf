using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text;

namespace Lur.Cli;

/// <summary>The help of one command on a terminal of 80 columns: frequent options first, the rest where it was asked for, examples at the
/// end.</summary>
/// <param name="command">The command.</param>
/// <param name="all">Every option, those of all commands too.</param>
internal sealed class HelpPage(Command command, bool all)
{
    private const int Width = 80,
        Column = 26;

    private static readonly Dictionary<string, string> s_values = new(StringComparer.Ordinal)
    {
        ["--data"] = "DATA",
        ["--output"] = "FOLDER",
        ["--forget"] = "WHAT",
        ["--reference"] = "MODEL",
        ["--split"] = "FILE",
        ["--fixture"] = "FILE",
        ["--csv"] = "FILE",
        ["--html"] = "FILE",
        ["--expected"] = "FILE",
        ["--retrain"] = "SEEDS",
        ["--seeds"] = "SEEDS",
        ["--shots"] = "N,N",
        ["--only"] = "LABEL",
        ["--max-memory"] = "SIZE",
        ["--trim-layers"] = "NAMES",
        ["--method"] = "NAME",
    };

    /// <summary>Writes the page.</summary>
    public void Write(TextWriter output)
    {
        var text = new StringBuilder();
        Paragraph(text, command.Description ?? "", 0);
        text.Append("\nUsage:\n");
        Paragraph(text, Usage(), 2, 6);
        Rows(
            text,
            "Commands:",
            [.. command.Subcommands.Where(c => !c.Hidden).Select(c => (c.Name, all ? c.Description ?? "" : ExampleHelp.ShortOf(c)))]
        );
        Option[] own = [.. command.Options.Where(o => !IsGlobal(o) && !o.Hidden)];
        var shown = Shown(own);
        (string, string)[] arguments = [.. command.Arguments.Where(a => !a.Hidden).Select(a => (a.Name, Describe(a)))];
        Rows(
            text,
            arguments.Length > 0 ? "Arguments and options:" : "Options:",
            [.. arguments, .. shown.Select(o => (Label(o), Describe(o)))]
        );
        if (all)
            Rows(text, "Options of every command:", [.. Globals().Select(o => (Label(o), Describe(o)))]);
        else
            Footer(text, own.Length - shown.Count);
        var examples = ExampleHelp.ExamplesOf(command);
        if (examples.Length > 0)
        {
            text.Append("\nExamples:\n");
            foreach (var example in examples)
                Example(text, example);
        }

        output.Write(text.ToString().Replace("\n", output.NewLine, StringComparison.Ordinal));
    }

    /// <summary>The value of an option in help and in messages: "N", "FOLDER", "exact|fd|none"; empty for a flag.</summary>
    public static string ValueOf(Option option)
    {
        if (option.ValueType == typeof(bool) || option is HelpOption or VersionOption)
            return "";
        if (option.HelpName is { Length: > 0 } name)
            return name;
        if (s_values.TryGetValue(option.Name, out var value))
            return value;
        var type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
        return type.IsPrimitive ? "N" : option.Name[(option.Name.LastIndexOf('-') + 1)..].ToUpperInvariant();
    }

    private List<Option> Shown(Option[] own)
    {
        if (all || ExampleHelp.FrequentOf(command) is not { } names)
            return [.. own];
        return [.. names.Select(n => own.First(o => o.Name == n))];
    }

    private static bool IsGlobal(Option option) => option.Recursive || option is HelpOption or VersionOption;

    private IEnumerable<Option> Globals() =>
        ExampleHelp
            .Lineage(command)
            .SelectMany(c => c.Options)
            .Where(o => IsGlobal(o) && !o.Hidden && (o is not VersionOption || command.Options.Contains(o)));

    private string Usage()
    {
        var words = new List<string> { ExampleHelp.PathOf(command) };
        if (command.Subcommands.Count > 0)
            words.Add("COMMAND");
        foreach (var a in command.Arguments.Where(a => !a.Hidden))
        {
            var name = a.Arity.MaximumNumberOfValues > 1 ? a.Name + "..." : a.Name;
            words.Add(a.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name);
        }

        words.AddRange(command.Options.Where(o => o.IsNeeded()).Select(o => $"{o.Aliases.FirstOrDefault() ?? o.Name} {ValueOf(o)}"));
        words.Add("[options]");
        return string.Join(' ', words);
    }

    private static string Label(Option option)
    {
        var alias = option.Aliases.FirstOrDefault(a => a.Length == 2 && a != "-?");
        var value = ValueOf(option);
        return $"{(alias is null ? "    " : alias + ", ")}{option.Name}{(value.Length > 0 ? " " + value : "")}";
    }

    private string Describe(Symbol symbol)
    {
        var text = all ? symbol.Description ?? "" : ExampleHelp.ShortOf(symbol);
        if (symbol is not Option { HasDefaultValue: true } option || option.ValueType == typeof(bool))
            return text;
        var value = option.GetDefaultValue() switch
        {
            null => "",
            string s => s,
            System.Collections.IEnumerable list => string.Join(',', list.Cast<object>().Select(v => v.ToString()!.ToLowerInvariant())),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            var other => other.ToString() ?? "",
        };
        return value.Length == 0 ? text : $"{text} [default: {value}]";
    }

    private void Footer(StringBuilder text, int more)
    {
        var path = ExampleHelp.PathOf(command);
        text.Append('\n');
        Paragraph(
            text,
            command.Subcommands.Count > 0
                ? $"'{path} COMMAND --help' explains a command; '{path} --help all' has every option."
                : (
                    more > 0
                        ? $"{more} more options: '{path} --help all'."
                        : $"'{path} --help all' explains --json, --quiet and --device N too."
                ),
            0
        );
    }

    private static void Rows(StringBuilder text, string title, IReadOnlyList<(string Label, string Text)> rows)
    {
        if (rows.Count == 0)
            return;
        text.Append('\n').Append(title).Append('\n');
        var column = Math.Min(Column, 4 + rows.Max(r => r.Label.Length));
        foreach (var (label, description) in rows)
        {
            text.Append("  ").Append(label);
            var at = label.Length + 2;
            if (at > column - 2)
            {
                text.Append('\n');
                at = 0;
            }

            text.Append(' ', column - at);
            Paragraph(text, description, column, column, column);
        }
    }

    /// <summary>Wraps a text at the width of the page.</summary>
    /// <param name="text">Where to.</param>
    /// <param name="words">The text.</param>
    /// <param name="first">Indentation of the first line.</param>
    /// <param name="rest">Of the others; as the first where none is given.</param>
    /// <param name="written">Columns of the first line that are written already.</param>
    private static void Paragraph(StringBuilder text, string words, int first, int? rest = null, int written = 0)
    {
        text.Append(' ', first - written);
        var at = first;
        var fresh = true;
        foreach (var word in words.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!fresh && at + 1 + word.Length > Width - 1)
            {
                text.Append('\n').Append(' ', rest ?? first);
                (at, fresh) = (rest ?? first, true);
            }

            if (!fresh)
                text.Append(' ');
            at += word.Length + (fresh ? 0 : 1);
            text.Append(word);
            fresh = false;
        }

        text.Append('\n');
    }

    /// <summary>A command line as a shell takes it over several lines.</summary>
    private static void Example(StringBuilder text, string line)
    {
        text.Append("  ");
        if (line.Length + 2 < Width)
        {
            text.Append(line).Append('\n');
            return;
        }

        var at = 2;
        var words = line.Split(' ');
        for (var i = 0; i < words.Length; i++)
        {
            // An option stays with its value.
            var ahead = words[i].Length + (words[i].StartsWith('-') && i + 1 < words.Length ? 1 + words[i + 1].Length : 0);
            if (i > 0 && words[i].StartsWith('-') && at + ahead > Width - 3)
            {
                text.Append("\\\n      ");
                at = 6;
            }

            text.Append(words[i]);
            at += words[i].Length + 1;
            if (i + 1 < words.Length)
                text.Append(' ');
        }

        text.Append('\n');
    }
}
