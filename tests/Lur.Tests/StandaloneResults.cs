using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using NUnit.Framework.Interfaces;

namespace Lur.Tests;

/// <summary>Keeps the results of single tests, prints a line for each that did not pass, and writes all of them to a file about once a
/// second, whole each time: a run that is killed keeps what it has, and names the test that it was at.</summary>
internal sealed class StandaloneResults : ITestListener, IDisposable
{
    private static readonly JsonWriterOptions s_format = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly string? _path;
    private readonly Lock _gate = new();
    private readonly List<ITestResult> _all = [];
    private readonly Timer? _timer;
    private string? _running;
    private bool _changed;

    /// <param name="path">File to write; null for none.</param>
    public StandaloneResults(string? path)
    {
        _path = path is null ? null : Path.GetFullPath(path);
        if (_path is null)
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        var second = TimeSpan.FromSeconds(1);
        _timer = new Timer(_ => WriteIfChanged(), null, second, second);
    }

    /// <summary>Those so far.</summary>
    public IReadOnlyList<ITestResult> All => _all;

    /// <summary>passed, failed or skipped.</summary>
    public static string Outcome(ITestResult result) =>
        result.ResultState.Status switch
        {
            TestStatus.Passed or TestStatus.Warning => "passed",
            TestStatus.Skipped or TestStatus.Inconclusive => "skipped",
            _ => "failed",
        };

    public void TestStarted(ITest test)
    {
        if (test.IsSuite)
            return;
        lock (_gate)
            (_running, _changed) = (test.FullName, true);
    }

    public void TestFinished(ITestResult result)
    {
        // A fixture whose set-up fails takes its tests along; they are reported one by one.
        if (result.Test.IsSuite)
            return;
        lock (_gate)
        {
            _all.Add(result);
            (_running, _changed) = (null, true);
        }
        if (Outcome(result) == "failed")
            Console.WriteLine($"FAILED {result.FullName}{Environment.NewLine}{result.Message}");
    }

    public void TestOutput(TestOutput output) { }

    public void SendMessage(TestMessage message) { }

    /// <summary>Writes the file for the last time.</summary>
    public void Finish(TimeSpan elapsed, IReadOnlySet<string> launched, IReadOnlyList<string> missing)
    {
        lock (_gate)
            Write(w =>
            {
                w.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
                w.WriteNumber("kernelsLaunched", launched.Count);
                w.WriteStartArray("kernelsMissing");
                foreach (var kernel in missing)
                    w.WriteStringValue(kernel);
                w.WriteEndArray();
            });
    }

    public void Dispose() => _timer?.Dispose();

    private void WriteIfChanged()
    {
        lock (_gate)
        {
            if (_changed)
                Write(w =>
                {
                    if (_running is not null)
                        w.WriteString("running", _running);
                });
            _changed = false;
        }
    }

    private void Write(Action<Utf8JsonWriter> more)
    {
        if (_path is null)
            return;
        using (var stream = File.Create(_path + ".part"))
        using (var w = new Utf8JsonWriter(stream, s_format))
        {
            w.WriteStartObject();
            w.WriteString(
                "version",
                typeof(StandaloneResults).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            );
            w.WriteString("runtime", RuntimeInformation.FrameworkDescription);
            w.WriteNumber("cores", Environment.ProcessorCount);
            foreach (var outcome in new[] { "passed", "failed", "skipped" })
                w.WriteNumber(outcome, _all.Count(r => Outcome(r) == outcome));
            more(w);
            w.WriteStartArray("tests");
            foreach (var result in _all)
                WriteTest(w, result);
            w.WriteEndArray();
            w.WriteEndObject();
        }
        File.Move(_path + ".part", _path, overwrite: true);
    }

    private static void WriteTest(Utf8JsonWriter w, ITestResult result)
    {
        w.WriteStartObject();
        w.WriteString("name", result.FullName);
        w.WriteString("outcome", Outcome(result));
        w.WriteNumber("seconds", Math.Round(result.Duration, 4));
        if (!string.IsNullOrEmpty(result.Message))
            w.WriteString("message", result.Message);
        if (!string.IsNullOrEmpty(result.StackTrace) && Outcome(result) == "failed")
            w.WriteString("stack", result.StackTrace);
        if (!string.IsNullOrEmpty(result.Output) && Outcome(result) == "failed")
            w.WriteString("output", result.Output);
        w.WriteEndObject();
    }
}
