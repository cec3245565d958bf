using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Lur.Tests;

/// <summary>
/// Runs the tests where there is no SDK, as on a GPU machine that got the bundle: dotnet test needs one, and the engine of
/// NUnit's own console is not needed for one assembly in one process.
/// </summary>
internal static class StandaloneRunner
{
    private const string Usage = "Usage: dotnet Lur.Tests.dll run [--results FILE.json] [--filter REGEX]";

    public static int Run(string[] args)
    {
        string? results = null,
            filter = null;
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 < args.Length && args[i] == "--results")
                results = args[i + 1];
            else if (i + 1 < args.Length && args[i] == "--filter")
                filter = args[i + 1];
            else
            {
                Console.Error.WriteLine(Usage);
                return 2;
            }
        }
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        // 0 workers: on the calling thread. The tests share one device and are written for one thread.
        runner.Load(Assembly.GetExecutingAssembly(), new Dictionary<string, object> { ["NumberOfTestWorkers"] = 0 });
        var clock = Stopwatch.StartNew();
        var listener = new Listener();
        runner.Run(listener, filter is null ? TestFilter.Empty : new NameFilter(new Regex(filter)));
        if (results is not null)
            Write(results, listener.Results, clock.Elapsed);
        return Summarise(listener.Results);
    }

    private static int Summarise(List<ITestResult> results)
    {
        ITestResult[] skipped = [.. results.Where(r => Outcome(r) == "skipped")];
        int passed = results.Count(r => Outcome(r) == "passed"),
            failed = results.Count - passed - skipped.Length;
        foreach (var reason in skipped.GroupBy(r => r.Message?.Split('\n')[0].Trim() ?? "").OrderByDescending(g => g.Count()))
            Console.WriteLine($"not run: {reason.Count(), 4}  {reason.Key}");
        Console.WriteLine($"{passed} passed, {failed} failed" + (skipped.Length > 0 ? $", {skipped.Length} skipped" : ""));
        return failed > 0 || passed == 0 ? 1 : 0;
    }

    private static string Outcome(ITestResult result) =>
        result.ResultState.Status switch
        {
            TestStatus.Passed or TestStatus.Warning => "passed",
            TestStatus.Skipped or TestStatus.Inconclusive => "skipped",
            _ => "failed",
        };

    private static void Write(string path, List<ITestResult> results, TimeSpan elapsed)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
            Directory.CreateDirectory(folder);
        using var stream = File.Create(path);
        using var json = new Utf8JsonWriter(
            stream,
            new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }
        );
        json.WriteStartObject();
        json.WriteString(
            "version",
            Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        );
        json.WriteString("runtime", RuntimeInformation.FrameworkDescription);
        json.WriteNumber("cores", Environment.ProcessorCount);
        json.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 3));
        foreach (var outcome in new[] { "passed", "failed", "skipped" })
            json.WriteNumber(outcome, results.Count(r => Outcome(r) == outcome));
        json.WriteStartArray("tests");
        foreach (var result in results)
        {
            json.WriteStartObject();
            json.WriteString("name", result.FullName);
            json.WriteString("outcome", Outcome(result));
            json.WriteNumber("seconds", Math.Round(result.Duration, 4));
            if (!string.IsNullOrEmpty(result.Message))
                json.WriteString("message", result.Message);
            if (!string.IsNullOrEmpty(result.StackTrace) && Outcome(result) == "failed")
                json.WriteString("stack", result.StackTrace);
            if (!string.IsNullOrEmpty(result.Output))
                json.WriteString("output", result.Output);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Keeps the results of single tests and prints a line for each that did not pass.</summary>
    private sealed class Listener : ITestListener
    {
        public List<ITestResult> Results { get; } = [];

        public void TestFinished(ITestResult result)
        {
            if (result.Test.IsSuite)
            {
                // A fixture whose set-up fails takes its tests along; they are reported one by one.
                return;
            }
            Results.Add(result);
            if (Outcome(result) == "failed")
                Console.WriteLine($"FAILED {result.FullName}{Environment.NewLine}{result.Message}");
        }

        public void TestStarted(ITest test) { }

        public void TestOutput(TestOutput output) { }

        public void SendMessage(TestMessage message) { }
    }

    /// <summary>Tests whose full name matches.</summary>
    private sealed class NameFilter(Regex pattern) : TestFilter
    {
        public override bool Match(ITest test) => !test.IsSuite && pattern.IsMatch(test.FullName);

        public override TNode AddToXml(TNode parentNode, bool recursive) => parentNode.AddElement("test", pattern.ToString());
    }
}
