using System.Globalization;
using System.Text.Json;

namespace Lur.Bench.Gpu;

/// <summary>PyTorch beside Lur on one device in one run: both take turns, each in processes of its own. Milliseconds are medians over all
/// turns, memory what the step takes on the device at its peak.</summary>
internal sealed class GpuPeers(string path, string python, string scripts, bool tiny)
{
    private const int Turns = 2,
        Repeats = 10;

    private sealed record Case(string Model, int Size, int Batch, string Script, string[] Shape, string[] Ours, string[] Theirs);

    private sealed record Row(string Model, int Batch, string Program, string Step)
    {
        public List<double> Milliseconds { get; } = [];

        public double DeviceBytes { get; set; }

        public string? Error { get; set; }
    }

    private readonly RowFile _file = new(path, "lur-gpu-peers-1");
    private readonly List<Row> _rows = [];
    private string _torch = "";

    // Theirs beside ours: the same numbers in float32; then PyTorch at its fastest, which are other numbers: TF32, and bfloat16 with
    // channels last in a CUDA graph.
    private Case[] Cases =>
        tiny
            ? [new("resnet18:w4", 32, 4, "pytorch_steps.py", ["--width", "4"], ["lur"], ["lur"])]
            :
            [
                new(
                    "resnet18:w64",
                    32,
                    128,
                    "pytorch_steps.py",
                    ["--width", "64"],
                    ["lur", "sgd", "lur-none", "scissorhands-1"],
                    ["lur", "sgd", "lur-none", "scissorhands-1", "lur-tf32", "sgd-tf32", "sgd-best"]
                ),
                new(
                    "unet:w64,128,128:down010:up010:r2:g8",
                    32,
                    64,
                    "pytorch_unet.py",
                    ["--widths", "64,128,128", "--attention", "0,1,0", "--layers", "2", "--size", "32"],
                    ["lur", "adam", "lur-none"],
                    ["lur", "adam", "lur-none", "lur-tf32", "adam-tf32"]
                ),
            ];

    /// <summary>Runs all turns.</summary>
    /// <returns>0, or 1 where something failed.</returns>
    public int Run()
    {
        for (var turn = 0; turn < (tiny ? 1 : Turns); turn++)
            foreach (var c in Cases)
            {
                Theirs(c);
                foreach (var step in c.Ours)
                    Ours(c, step);
            }

        foreach (var row in _rows)
            Console.WriteLine(
                row.Error is { } error
                    ? $"{row.Model} b{row.Batch} {row.Program} {row.Step}: {error}"
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"{row.Model} b{row.Batch} {row.Program} {row.Step}: {ChildProcess.Median(row.Milliseconds):F2} ms, "
                            + $"{row.DeviceBytes / 1e6:F0} MB"
                    )
            );
        return _rows.Any(r => r.Error is not null) ? 1 : 0;
    }

    private void Ours(Case c, string step)
    {
        var row = Find(c, "lur", step);
        string[] words =
            c.Script == "pytorch_unet.py"
                ? ["unet-step", c.Model, Text(c.Size), Text(c.Batch), step, Text(tiny ? 1 : Repeats)]
                : ["peer-step", c.Model, Text(c.Batch), step, Text(tiny ? 1 : Repeats)];
        if (ChildProcess.Start(Environment.ProcessPath!, ChildProcess.Own(words)) is { } line)
        {
            using var json = JsonDocument.Parse(line);
            var times = json.RootElement.TryGetProperty("ms", out var ms) ? ms : json.RootElement.GetProperty("all_ms");
            Add(row, times, json.RootElement.GetProperty("device_bytes").GetDouble());
        }
        else
            row.Error = "the process failed; what it printed is in the log of the stage";
        Write();
    }

    private void Theirs(Case c)
    {
        string[] run = ["--batch", Text(c.Batch), "--what", string.Join(',', c.Theirs), "--repeats", Text(tiny ? 1 : Repeats)];
        string[] where = ["--device", tiny ? "cpu" : "cuda", "--threads", Text(Environment.ProcessorCount)];
        var line = ChildProcess.Start(python, [Path.Combine(scripts, c.Script), .. c.Shape, .. run, .. where]);
        using var json = line is null ? null : JsonDocument.Parse(line);
        foreach (var step in c.Theirs)
        {
            var row = Find(c, "pytorch", step);
            if (json is null || !json.RootElement.TryGetProperty(step, out var found))
                row.Error = "the process failed; what it printed is in the log of the stage";
            else if (found.TryGetProperty("error", out var error))
                row.Error = error.GetString();
            else
            {
                _torch = json.RootElement.GetProperty("torch").GetString()!;
                Add(row, found.GetProperty("all_ms"), found.GetProperty("peak_device_bytes").GetDouble());
            }
        }

        Write();
    }

    private static void Add(Row row, JsonElement times, double bytes)
    {
        row.Milliseconds.AddRange(times.EnumerateArray().Select(t => t.GetDouble()));
        row.DeviceBytes = Math.Max(row.DeviceBytes, bytes);
    }

    private Row Find(Case c, string program, string step)
    {
        if (_rows.FirstOrDefault(r => (r.Model, r.Program, r.Step) == (c.Model, program, step)) is { } known)
            return known;
        _rows.Add(new Row(c.Model, c.Batch, program, step));
        return _rows[^1];
    }

    private void Write() =>
        _file.Write(
            w => w.WriteString("torch", _torch),
            (
                "rows",
                _rows.Select<Row, Action<Utf8JsonWriter>>(r =>
                    w =>
                    {
                        w.WriteString("model", r.Model);
                        w.WriteNumber("batch", r.Batch);
                        w.WriteString("program", r.Program);
                        w.WriteString("step", r.Step);
                        if (r.Milliseconds.Count > 0)
                        {
                            RowFile.Number(w, "medianMs", ChildProcess.Median(r.Milliseconds));
                            RowFile.Number(w, "minMs", r.Milliseconds.Min());
                            RowFile.Number(w, "deviceBytes", r.DeviceBytes);
                        }

                        if (r.Error is not null)
                            w.WriteString("error", r.Error);
                    }
                )
            )
        );

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
