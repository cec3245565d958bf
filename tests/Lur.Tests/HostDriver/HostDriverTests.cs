namespace Lur.Tests.HostDriver;

/// <summary>
/// The host driver's own tests are a C++ program built from the driver's sources (src/Lur.Cuda.Host/tests). It is run once, in
/// about 10 s on two idle cores, most of it compiling kernels;
/// each of its cases is a test here. A case whose needs are not met on this machine is reported as not run.
/// </summary>
public sealed class HostDriverTests
{
    private const string NotBuilt = "(not built)";

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "lur-cuda-host-tests");

    private static readonly Lazy<Dictionary<string, string>> Results = new(RunAll);

    private static string[] Cases() => File.Exists(Program) ? Run("--list") : [NotBuilt];

    [TestCaseSource(nameof(Cases))]
    public void Passes(string name)
    {
        if (name == NotBuilt)
        {
            Assert.Ignore($"Not run: {Program} does not exist; it is built with the solution on Linux.");
        }

        Assert.That(Results.Value, Does.ContainKey(name), "the case ended the process or was never reached");
        var verdict = Results.Value[name];
        if (verdict.StartsWith("SKIP", StringComparison.Ordinal))
        {
            Assert.Ignore($"Not run: {verdict}");
        }

        Assert.That(verdict, Does.StartWith("PASS"));
    }

    // A line is `PASS group.case 12 ms` or `FAIL group.case 12 ms file.cpp:34: what is wrong`.
    private static Dictionary<string, string> RunAll()
    {
        var results = new Dictionary<string, string>();
        foreach (var line in Run("--all"))
        {
            var parts = line.Split(' ', 3);
            if (parts.Length == 3 && parts[0] is "PASS" or "FAIL" or "SKIP")
            {
                results[parts[1]] = line;
            }
        }

        return results;
    }

    private static string[] Run(string argument) =>
        ChildProcess.Run(Program, [argument]).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
