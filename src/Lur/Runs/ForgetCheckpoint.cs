using System.Text.Json;
using Lur.Checkpoints;
using Lur.Device;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>What a forgetting run has behind it, beside the state of its method.</summary>
internal sealed class ForgetHistory
{
    /// <summary>Log of the steps.</summary>
    public ForgetLog Log { get; } = new();

    /// <summary>What goes on record.</summary>
    public required AuditLog Audit { get; set; }

    /// <summary>Seconds of each stage that has ended.</summary>
    public List<(string Stage, double Seconds)> Stages { get; } = [];

    /// <summary>What the preparations reported.</summary>
    public List<(string Stage, PreparationReport Report)> Preparations { get; } = [];

    /// <summary>Seconds of the steps before the run was interrupted.</summary>
    public double EarlierSeconds { get; set; }
}

/// <summary>The checkpoint of a forgetting run, which knows what it is of and refuses to go on with anything else.</summary>
/// <param name="path">Its file.</param>
/// <param name="identity">What decides the run: name and value of each thing.</param>
/// <param name="precision">Of the products in its steps, which older files do not say.</param>
internal sealed class ForgetCheckpoint(
    string path,
    IReadOnlyList<(string Name, string Value)> identity,
    ProductPrecision precision = ProductPrecision.Float32
)
{
    /// <summary>Name of the file.</summary>
    public const string Name = "unlearning-state.safetensors";

    private const string Kind = "forget";

    /// <summary>Writes it, between two steps.</summary>
    /// <param name="method">The method, after its preparations.</param>
    /// <param name="history">What is behind the run.</param>
    /// <param name="seconds">Seconds of the steps so far.</param>
    public void Save(UnlearningMethod method, ForgetHistory history, double seconds)
    {
        var state = new TrainingState();
        method.Save(state);
        state.Set("run", Kind);
        state.SetAll(identity);
        state.Set("precision", precision.Name());
        state.Set("log", history.Log.Text);
        state.Set("audit", history.Audit.Text);
        state.Set("seconds", seconds);
        state.Set(
            "preparations",
            JsonText.Of(w =>
            {
                w.WriteStartArray();
                foreach (var (stage, report) in history.Preparations)
                    Write(w, stage, report, history.Stages.FirstOrDefault(s => s.Stage == stage).Seconds);
                w.WriteEndArray();
            })
        );
        state.Save(path);
    }

    /// <summary>Goes on from it: the method stands where it stood, its preparations behind it.</summary>
    /// <param name="method">The method, made anew.</param>
    /// <param name="history">Receives what is behind the run.</param>
    /// <param name="time">Clock of the record.</param>
    /// <exception cref="UserErrorException">It is damaged, or of another run; says what differs.</exception>
    public void Restore(UnlearningMethod method, ForgetHistory history, TimeProvider time)
    {
        var state = TrainingState.Load(path);
        state.Require("run", Kind, "it is none of 'lur forget'");
        const string remedy = "resume with the command of the interrupted run, or start anew in another output folder";
        state.RequireAll(identity, remedy);
        state.Require("precision", precision.Name(), ProductPrecision.Float32.Name(), remedy);
        method.Restore(state);
        history.Log.Take(state.GetString("log"));
        history.Audit = new AuditLog(time, state.GetString("audit"));
        history.EarlierSeconds = state.GetDouble("seconds");
        using var preparations = JsonDocument.Parse(state.GetString("preparations"));
        foreach (var p in preparations.RootElement.EnumerateArray())
        {
            var stage = p.Text("stage");
            history.Stages.Add((stage, p.Number("seconds")));
            history.Preparations.Add(
                (
                    stage,
                    new PreparationReport(
                        null,
                        [.. p.GetProperty("facts").EnumerateObject().Select(f => (f.Name, JsonReading.Value(f.Value)))]
                    )
                )
            );
        }
    }

    /// <summary>What decides a run.</summary>
    public static IReadOnlyList<(string Name, string Value)> IdentityOf(ForgetSettings settings, ForgetParts parts, string original) =>
        [
            ("method", settings.Method.Definition.Name),
            .. settings.Method.Options.Identity(settings.Seed),
            ("data", parts.Split.Fingerprint),
            ("samples", parts.Set.Sha256()),
            ("original model", original),
        ];

    private static void Write(Utf8JsonWriter w, string stage, PreparationReport report, double seconds)
    {
        w.WriteStartObject();
        w.WriteString("stage", stage);
        OutputFolder.WriteValue(w, "seconds", seconds);
        w.WriteStartObject("facts");
        foreach (var (name, value) in report.Facts)
            OutputFolder.WriteValue(w, name, value);
        w.WriteEndObject();
        w.WriteEndObject();
    }
}
