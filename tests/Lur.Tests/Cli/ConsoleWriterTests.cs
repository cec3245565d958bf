using Lur.Cli;

namespace Lur.Tests.Cli;

/// <summary>Standard output and error that are closed or full: a sentence and code 1 for results, silence for progress.</summary>
public class ConsoleWriterTests
{
    private sealed class Full(string message) : TextWriter
    {
        public override System.Text.Encoding Encoding => System.Text.Encoding.UTF8;

        public override void Write(char value) => throw new IOException(message);
    }

    [Test]
    public async Task ResultsThatCannotBeWrittenAreOneSentence()
    {
        using var output = new ConsoleWriter(new Full("No space left on device"), mustArrive: true);
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(["explain", "ua"], output, error);
        Assert.That(code, Is.EqualTo(ExitCode.Failed));
        Assert.That(
            error.ToString().TrimEnd(),
            Is.EqualTo(
                "lur: Standard output cannot be written (No space left on device); send it elsewhere. Files that the command "
                    + "wrote are kept."
            )
        );
    }

    [TestCase("--help")]
    [TestCase("data")]
    [TestCase("--version")]
    [TestCase("kernels --list --json")]
    [TestCase("methods")]
    public async Task EveryKindOfResultMustArrive(string line)
    {
        using var output = new ConsoleWriter(new Full("Broken pipe"), mustArrive: true);
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(line.Split(' '), output, error);
        Assert.That(
            (code, error.ToString().Contains("defect", StringComparison.Ordinal)),
            Is.EqualTo((ExitCode.Failed, false)),
            error.ToString()
        );
        Assert.That(error.ToString(), Does.StartWith("lur: Standard output cannot be written (Broken pipe)"));
    }

    [Test]
    public async Task AFailureThatNobodyCanReadKeepsItsCode()
    {
        using var error = new ConsoleWriter(new Full("Broken pipe"), mustArrive: false);
        using var output = new StringWriter();
        Assert.That(await CommandLine.RunAsync(["report", "/nonexistent"], output, error), Is.EqualTo(ExitCode.Failed));
        Assert.That(await CommandLine.RunAsync(["nonsense"], output, error), Is.EqualTo(ExitCode.BadUsage));
    }

    [Test]
    public void EveryWayToWriteReachesTheStream()
    {
        using var inner = new StringWriter { NewLine = "\n" };
        using var writer = new ConsoleWriter(inner, mustArrive: true) { NewLine = "\n" };
        writer.Write('a');
        writer.Write("bc");
        writer.Write(['d', 'e', 'f'], 1, 2);
        writer.Write("gh".AsSpan());
        writer.Write(1.5f.ToString(System.Globalization.CultureInfo.InvariantCulture));
        writer.WriteLine("i");
        writer.WriteLine();
        writer.Write("{0}-{1}", 1, 2);
        Assert.That(inner.ToString(), Is.EqualTo("abcefgh1.5i\n\n1-2"));
    }
}
