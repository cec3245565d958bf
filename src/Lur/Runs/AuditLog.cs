using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lur.Runs;

/// <summary>What a check of an audit.jsonl found.</summary>
/// <param name="Entries">Entries up to the first that does not fit.</param>
/// <param name="Fault">What is wrong with it, one sentence; null where the chain holds.</param>
public sealed record AuditCheck(IReadOnlyList<AuditEntry> Entries, string? Fault);

/// <summary>One line of an audit.jsonl.</summary>
/// <param name="Event">What happened: asked, resolved, resumed, done, measured, verified, purged.</param>
/// <param name="Time">When, in UTC.</param>
/// <param name="Sha256">Hash of the line, which the next one carries.</param>
public sealed record AuditEntry(string Event, string Time, string Sha256);

/// <summary>audit.jsonl: what was asked of a run, what that came to, what was done and what was measured, a line each. Every line
/// carries the SHA-256 of the line before, so that a line which is changed, taken out or put in breaks the chain; result.json carries
/// that of the run's last, so that the end cannot be cut off either.</summary>
public sealed class AuditLog
{
    /// <summary>Name of the file in a run's folder.</summary>
    public const string FileName = "audit.jsonl";

    /// <summary>What the first line carries.</summary>
    public static readonly string Start = new('0', 64);

    private static readonly JsonWriterOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly TimeProvider _time;
    private readonly StringBuilder _text;

    internal AuditLog(TimeProvider time, string text = "")
    {
        (_time, _text) = (time, new StringBuilder(text));
        Last = text.TrimEnd('\n') is { Length: > 0 } lines ? HashOf(lines[(lines.LastIndexOf('\n') + 1)..]) : Start;
    }

    /// <summary>The lines so far.</summary>
    internal string Text => _text.ToString();

    /// <summary>Hash of the last line.</summary>
    internal string Last { get; private set; }

    /// <summary>A moment as files have it.</summary>
    internal static string Stamp(TimeProvider time) => time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Adds a line.</summary>
    /// <param name="what">The event.</param>
    /// <param name="body">Writes its further fields.</param>
    internal void Add(string what, Action<Utf8JsonWriter> body)
    {
        using var stream = new MemoryStream();
        using (var w = new Utf8JsonWriter(stream, s_line))
        {
            w.WriteStartObject();
            w.WriteString("event", what);
            w.WriteString("time", Stamp(_time));
            w.WriteString("previous", Last);
            body(w);
            w.WriteEndObject();
        }

        var line = Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
        _text.Append(line).Append('\n');
        Last = HashOf(line);
    }

    /// <summary>Adds a line to the log of a run that has ended; a folder without one gets none.</summary>
    internal static void Append(string folder, TimeProvider time, string what, Action<Utf8JsonWriter> body)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return;
        var log = new AuditLog(time, RunFolder.ReadText(path));
        log.Add(what, body);
        AtomicFile.WriteText(path, log.Text);
    }

    /// <summary>Files and folders that 'lur purge' deleted, as the log of a folder has it; links resolved.</summary>
    /// <param name="folder">Folder of a run; one without a log has nothing on record.</param>
    internal static IEnumerable<string> Purged(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (folder.Length == 0 || !File.Exists(path))
            return [];
        return RunFolder.ReadText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries).SelectMany(Deleted).ToArray();
    }

    private static string[] Deleted(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return
                json.RootElement.Text("event") == "purged" && json.RootElement.Find("deleted") is { ValueKind: JsonValueKind.Array } deleted
                ? [.. deleted.EnumerateArray().Select(d => d.ToString())]
                : [];
        }
        catch (JsonException)
        {
            return []; // The check of the chain says so.
        }
    }

    /// <summary>Follows the chain.</summary>
    /// <param name="folder">Folder of a run.</param>
    /// <param name="last">Hash of a line that must be there, as result.json has it; empty for none.</param>
    /// <returns>Null where the folder has no log and should have none.</returns>
    public static AuditCheck? Check(string folder, string last)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return last.Length == 0 ? null : new AuditCheck([], $"'{path}' is missing, which the run has left.");
        var entries = new List<AuditEntry>();
        var previous = Start;
        foreach (var line in RunFolder.ReadText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (Read(line) is not { } entry || entry.Previous != previous)
            {
                return new AuditCheck(
                    entries,
                    $"line {entries.Count + 1} of '{path}' does not carry the hash of the line before: a line was changed, "
                        + $"taken out or put in."
                );
            }

            previous = HashOf(line);
            entries.Add(new AuditEntry(entry.Event, entry.Time, previous));
        }

        return new AuditCheck(
            entries,
            last.Length == 0 || entries.Any(e => e.Sha256 == last)
                ? null
                : $"'{path}' has no line with the hash that result.json recorded: it was cut off, or is of another run."
        );
    }

    private static (string Event, string Time, string Previous)? Read(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            return root.ValueKind == JsonValueKind.Object ? (root.Text("event"), root.Text("time"), root.Text("previous")) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string HashOf(string line) => ContentHash.Text(Encoding.UTF8.GetBytes(line));
}
