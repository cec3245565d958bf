using System.Text;
using System.Text.Json;
using Spectre.Console;
using Table = Lur.Reports.Table;

namespace Lur.Cli;

/// <summary>Prints tables: drawn on a terminal, aligned plain text elsewhere, JSON when asked for.</summary>
internal static class TablePrinter
{
    /// <summary>Prints one table; as JSON it is an array of objects.</summary>
    public static void Print(CommandContext context, Table table)
    {
        if (context.Json)
            context.Output.WriteLine(JsonText.Of(writer => WriteRows(writer, table)));
        else if (context.TerminalOutput)
            Draw(context, table.WithoutEmptyColumns());
        else
            PrintPlain(context.Output, table.WithoutEmptyColumns());
    }

    /// <summary>Prints several tables; as JSON they are one object with an array for each table's key.</summary>
    public static void Print(CommandContext context, IReadOnlyList<Table> tables)
    {
        if (!context.Json)
        {
            foreach (var table in tables)
                Print(context, table);
            return;
        }

        context.Output.WriteLine(
            JsonText.Of(writer =>
            {
                writer.WriteStartObject();
                foreach (var table in tables)
                {
                    writer.WritePropertyName(table.Key);
                    WriteRows(writer, table);
                }
                writer.WriteEndObject();
            })
        );
    }

    /// <summary>Writes the rows of a table as an array of objects.</summary>
    public static void WriteRows(Utf8JsonWriter writer, Table table)
    {
        writer.WriteStartArray();
        foreach (var row in table.Rows)
        {
            writer.WriteStartObject();
            for (var c = 0; c < row.Length; c++)
                WriteValue(writer, table.Columns[c].Key, row[c].Value);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteValue(Utf8JsonWriter writer, string key, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNull(key);
                break;
            case bool b:
                writer.WriteBoolean(key, b);
                break;
            case int i:
                writer.WriteNumber(key, i);
                break;
            case long l:
                writer.WriteNumber(key, l);
                break;
            case double d when double.IsFinite(d):
                writer.WriteNumber(key, d);
                break;
            case double:
                writer.WriteNull(key);
                break;
            default:
                writer.WriteString(key, value.ToString());
                break;
        }
    }

    private static void PrintPlain(TextWriter output, Table table)
    {
        if (table.Title is not null)
            output.WriteLine(table.Title);
        int[] widths =
        [
            .. table.Columns.Select(
                (column, c) => table.Rows.Select(row => Printable.Of(row[c].Text).Length).Append(column.Header.Length).Max()
            ),
        ];
        WriteLine(output, table, widths, [.. table.Columns.Select(column => column.Header)]);
        foreach (var row in table.Rows)
            WriteLine(output, table, widths, [.. row.Select(cell => Printable.Of(cell.Text))]);
    }

    private static void WriteLine(TextWriter output, Table table, int[] widths, string[] texts)
    {
        var line = new StringBuilder();
        for (var c = 0; c < texts.Length; c++)
        {
            if (c > 0)
                line.Append("  ");
            line.Append(table.Columns[c].Right ? texts[c].PadLeft(widths[c]) : texts[c].PadRight(widths[c]));
        }
        output.WriteLine(line.ToString().TrimEnd());
    }

    private static void Draw(CommandContext context, Table table)
    {
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.Detect,
                ColorSystem = context.Color ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
                Out = new AnsiConsoleOutput(context.Output),
            }
        );
        var drawn = new Spectre.Console.Table { Border = TableBorder.Rounded };
        if (table.Title is not null)
            drawn.Title = new TableTitle(Markup.Escape(table.Title));
        foreach (var column in table.Columns)
        {
            var header = new TableColumn(Markup.Escape(column.Header));
            drawn.AddColumn(column.Right ? header.RightAligned() : header);
        }
        foreach (var row in table.Rows)
            drawn.AddRow([.. row.Select(cell => Markup.Escape(Printable.Of(cell.Text)))]);
        console.Write(drawn);
    }
}
