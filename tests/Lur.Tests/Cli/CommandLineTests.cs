using System.CommandLine;
using Lur.Cli;
using Lur.Device;

namespace Lur.Tests.Cli;

public class CommandLineTests
{
    [Test]
    public void HelpOfEveryCommandHasADescriptionAndGoesToStandardOutput()
    {
        foreach (var command in Tree(CommandLine.CreateRoot()))
        {
            (var code, var output, var error) = Command.Run([.. ExampleHelp.PathOf(command).Split(' ').Skip(1), "--help"]);
            Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")), command.Name);
            Assert.That(output, Does.Contain($"  {ExampleHelp.PathOf(command)}"));
            Assert.That(command.Description, Does.EndWith("."), command.Name);
            foreach (var symbol in command.Options.Cast<Symbol>().Concat(command.Arguments))
                Assert.That(symbol.Description, Is.Not.Null.And.Not.Empty, $"{ExampleHelp.PathOf(command)} {symbol.Name}");
        }
    }

    [Test]
    public void EveryCommandThatRunsHasAnExampleThatParses()
    {
        foreach (var command in Tree(CommandLine.CreateRoot()).Where(c => c.Subcommands.Count == 0))
        {
            var examples = ExampleHelp.ExamplesOf(command);
            Assert.That(examples, Is.Not.Empty, ExampleHelp.PathOf(command));
            foreach (var example in examples)
            {
                var parsed = CommandLine.CreateRoot().Parse(example[4..]);
                Assert.That(parsed.Errors.Select(e => e.Message), Is.Empty, example);
                Assert.That(ExampleHelp.PathOf(parsed.CommandResult.Command), Is.EqualTo(ExampleHelp.PathOf(command)), example);
            }
        }
    }

    [TestCase("forgett", "'lur' has no command 'forgett'")]
    [TestCase("kernels --list --nonsense", "'lur kernels' has no option --nonsense.")]
    [TestCase("kernels --list extra", "'lur kernels' takes no further argument 'extra'.")]
    [TestCase("kernels --list --device -1", "--device -1 is negative")]
    [TestCase("kernels", "--list")]
    public void BadUsageIsOneSentenceAndCodeTwo(string line, string expected)
    {
        (var code, var output, var error) = Command.Run(line.Split(' '));
        Assert.That((code, output), Is.EqualTo((ExitCode.BadUsage, "")));
        Assert.That(error, Does.StartWith("lur: ").And.Contain(expected));
        // The sentence, and where to read more.
        Assert.That(error.TrimEnd().Split(Environment.NewLine), Has.Length.EqualTo(2));
    }

    [Test]
    public void KernelListIsTheSameInTextAndJson()
    {
        (var code, var text, _) = Command.Run("kernels", "--list");
        (var jsonCode, var json, _) = Command.Run("kernels", "--list", "--json");
        Assert.That((code, jsonCode), Is.EqualTo((ExitCode.Done, ExitCode.Done)));
        using var document = System.Text.Json.JsonDocument.Parse(json);
        string[] names = [.. document.RootElement.EnumerateArray().Select(e => e.GetProperty("kernel").GetString()!)];
        Assert.That(names, Is.EqualTo(KernelCatalog.Files.SelectMany(f => f.Kernels).Select(k => k.Name)));
        string[] files = [.. document.RootElement.EnumerateArray().Select(e => e.GetProperty("file").GetString()!)];
        Assert.That(files, Has.Some.EqualTo("operators/batch_norm.cu").And.All.Contains("/"));
        var lines = text.TrimEnd().Split(Environment.NewLine);
        Assert.That(lines, Has.Length.EqualTo(names.Length + 1));
        for (var i = 0; i < names.Length; i++)
            Assert.That(lines[i + 1], Does.Contain(files[i]).And.Contain(names[i]));
    }

    [Test]
    public void AnExceptionBecomesASentenceAndACode()
    {
        (Exception Exception, int Code, string Sentence)[] cases =
        [
            (new UserErrorException("the file is short."), ExitCode.Failed, "lur: the file is short."),
            (new UsageException("--lr is 0."), ExitCode.BadUsage, "lur: --lr is 0."),
            (new OperationCanceledException(), ExitCode.Interrupted, "lur: interrupted."),
            (new DllNotFoundException("no NVRTC."), ExitCode.Failed, "lur: no NVRTC."),
            (new AggregateException(new UserErrorException("inner.")), ExitCode.Failed, "lur: inner."),
        ];
        foreach ((var exception, var code, var sentence) in cases)
        {
            using var error = new StringWriter();
            Assert.That(Failure.Report(exception, error), Is.EqualTo(code), sentence);
            Assert.That(error.ToString().TrimEnd(), Is.EqualTo(sentence));
        }
    }

    [Test]
    public void AnUnexpectedExceptionHidesItsStackUnlessAsked()
    {
        static string Report()
        {
            using var error = new StringWriter();
            try
            {
                throw new InvalidOperationException("first line\nsecond line");
            }
            catch (InvalidOperationException e)
            {
                Assert.That(Failure.Report(e, error), Is.EqualTo(ExitCode.Failed));
            }
            return error.ToString();
        }

        Assert.That(
            Report().TrimEnd(),
            Is.EqualTo("lur: InvalidOperationException: first line (this is a defect of Lur; LUR_DEBUG=1 shows where)")
        );
        var before = Environment.GetEnvironmentVariable(Failure.DebugVariable);
        try
        {
            Environment.SetEnvironmentVariable(Failure.DebugVariable, "1");
            Assert.That(Report(), Does.Contain(nameof(AnUnexpectedExceptionHidesItsStackUnlessAsked)));
        }
        finally
        {
            Environment.SetEnvironmentVariable(Failure.DebugVariable, before);
        }
    }

    [Test]
    public void VersionIsThatOfTheLibrary()
    {
        (var code, var output, _) = Command.Run("--version");
        Assert.That(code, Is.EqualTo(ExitCode.Done));
        Assert.That(output, Does.StartWith(typeof(UserErrorException).Assembly.GetName().Version!.ToString(3)));
    }

    private static IEnumerable<System.CommandLine.Command> Tree(System.CommandLine.Command command) =>
        command.Subcommands.SelectMany(Tree).Prepend(command);
}
