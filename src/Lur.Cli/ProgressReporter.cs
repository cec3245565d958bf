using System.Globalization;
using System.Text;
using Lur.Reports;

namespace Lur.Cli;

/// <summary>
/// Progress of one task with rate and time left: a live line on a terminal, a plain line every few seconds elsewhere,
/// JSON lines with --json, nothing with --quiet. Everything goes to standard error; results stay alone on standard output.
/// </summary>
internal sealed class ProgressReporter : IDisposable
{
    private static readonly TimeSpan s_liveInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_plainInterval = TimeSpan.FromSeconds(5);

    private readonly CommandContext _context;
    private readonly TimeProvider _time;
    private readonly WholeRun? _run;
    private readonly string _task,
        _unit;
    private readonly long _total,
        _first,
        _start;
    private long _lastPrinted,
        _done,
        _rateDone,
        _rateStart;
    private double _rate = double.NaN;
    private (string Name, double Value)[] _metrics = [];

    /// <param name="context">Where and in which form.</param>
    /// <param name="task">What is being done, for example "train epoch 3/20".</param>
    /// <param name="total">Units of work in all; 0 when unknown (no ETA then).</param>
    /// <param name="unit">Name of the unit of work in the plural, for example "images".</param>
    /// <param name="time">The clock; tests give their own.</param>
    /// <param name="run">The run that the task is a stage of, or null.</param>
    /// <param name="done">Units of work that were done before.</param>
    public ProgressReporter(
        CommandContext context,
        string task,
        long total,
        string unit,
        TimeProvider? time = null,
        WholeRun? run = null,
        long done = 0
    )
    {
        _run = run;
        _first = _done = _rateDone = done;
        (_context, _task, _total, _unit, _time) = (context, task, total, unit, time ?? TimeProvider.System);
        _start = _rateStart = _lastPrinted = _time.GetTimestamp();
    }

    /// <inheritdoc cref="Report(long, ReadOnlySpan{ValueTuple{string, double}})"/>
    public void Report(long done, IReadOnlyList<(string Name, double Value)> metrics) => Report(done, [.. metrics]);

    /// <summary>Reports the work done so far and, if wanted, the latest metrics; cheap enough for every step.</summary>
    public void Report(long done, params ReadOnlySpan<(string Name, double Value)> metrics)
    {
        _done = done;
        if (_total > 0)
            _run?.Report(Math.Min(1, (double)done / _total));
        if (_context.Quiet)
            return;
        if (metrics.Length > 0)
        {
            // Copied in place: a training step allocates nothing, and the names do not change within a task.
            if (_metrics.Length != metrics.Length)
                _metrics = new (string, double)[metrics.Length];
            metrics.CopyTo(_metrics);
        }
        var interval = _context.TerminalError && !_context.Json ? s_liveInterval : s_plainInterval;
        if (_time.GetElapsedTime(_lastPrinted) < interval)
            return;
        UpdateRate();
        Print(final: false);
        _lastPrinted = _time.GetTimestamp();
    }

    /// <summary>Prints the closing line: work done, time taken, mean rate.</summary>
    public void Dispose()
    {
        if (_context.Quiet)
            return;
        _rate = (_done - _first) / Math.Max(1e-9, _time.GetElapsedTime(_start).TotalSeconds);
        Print(final: true);
    }

    /// <summary>Rate over the last seconds, smoothed: a mean since the start would hide a slow-down.</summary>
    private void UpdateRate()
    {
        var seconds = _time.GetElapsedTime(_rateStart).TotalSeconds;
        if (seconds <= 0)
            return;
        var now = (_done - _rateDone) / seconds;
        // Weight of the new value: a time constant of five seconds, whatever the interval of the prints.
        var weight = 1 - Math.Exp(-seconds / 5);
        _rate = double.IsNaN(_rate) ? now : _rate + weight * (now - _rate);
        (_rateDone, _rateStart) = (_done, _time.GetTimestamp());
    }

    private void Print(bool final)
    {
        if (_context.Json)
        {
            _context.Error.WriteLine(JsonLine(final));
            return;
        }
        var line = Line(final);
        if (!_context.TerminalError)
            _context.Error.WriteLine(line);
        else
        {
            // Erase to the end of the line: the previous text may have been longer.
            var width = Math.Max(20, WindowWidth() - 1);
            _context.Error.Write($"\r{(line.Length > width ? line[..width] : line)}\e[K");
            if (final)
                _context.Error.WriteLine();
        }
    }

    private static int WindowWidth()
    {
        try
        {
            return Console.WindowWidth;
        }
        catch (IOException)
        {
            return 80;
        }
    }

    private string Line(bool final)
    {
        var invariant = CultureInfo.InvariantCulture;
        // A person who waits wants to know about the whole: the bar comes first, where a narrow terminal does not cut it.
        var run = final ? "" : _run?.Text(bar: _context.TerminalError) ?? "";
        var line = new StringBuilder(run.Length > 0 && _context.TerminalError ? run + "  " : "").Append(_task);
        if (_total <= 0)
            line.Append(invariant, $"  {_done:N0} {_unit}");
        else if (run.Length > 0)
            line.Append(invariant, $"  {_done:N0}/{_total:N0} {_unit}");
        else
            line.Append(invariant, $"  {_done:N0}/{_total:N0} {_unit} ({100.0 * _done / _total:F0} %)");
        if (double.IsFinite(_rate))
            line.Append(invariant, $"  {FormatRate(_rate)} {_unit}/s");
        if (final)
            line.Append("  in ").Append(Cell.FormatTime(_time.GetElapsedTime(_start)));
        else if (run.Length > 0 && !_context.TerminalError)
            line.Append("  ").Append(run);
        else if (run.Length == 0 && _total > 0 && _rate > 0)
            line.Append("  ETA ").Append(Cell.FormatTime(TimeSpan.FromSeconds(Math.Min((_total - _done) / _rate, 1e9))));
        // What a method does not have is no number.
        foreach ((var name, var value) in _metrics)
            if (double.IsFinite(value))
                line.Append(invariant, $"  {name} {value:G4}");
        return line.ToString();
    }

    private string JsonLine(bool final)
    {
        using var stream = new MemoryStream();
        using (var writer = new System.Text.Json.Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("event", final ? "done" : "progress");
            writer.WriteString("task", _task);
            writer.WriteNumber("done", _done);
            if (_total > 0)
                writer.WriteNumber("total", _total);
            writer.WriteString("unit", _unit);
            writer.WriteNumber("seconds", Math.Round(_time.GetElapsedTime(_start).TotalSeconds, 3));
            if (double.IsFinite(_rate))
                writer.WriteNumber("rate", Math.Round(_rate, 3));
            if (_run?.Estimate() is { } run)
            {
                writer.WriteNumber("runShare", Math.Round(run.Share, 4));
                writer.WriteNumber("runSecondsLeft", Math.Round(run.SecondsLeft, 1));
            }
            foreach ((var name, var value) in _metrics)
            {
                if (double.IsFinite(value))
                    writer.WriteNumber(name, value);
                else
                    writer.WriteNull(name);
            }
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static string FormatRate(double rate) =>
        rate.ToString(
            rate >= 100 ? "N0"
                : rate >= 10 ? "F1"
                : "F2",
            CultureInfo.InvariantCulture
        );
}
