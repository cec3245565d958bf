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
            // A screen: what does not fit is behind --help all, where every option is.
            var lines = output.TrimEnd().Split(Environment.NewLine);
            Assert.That(lines, Has.Length.AtMost(31).And.All.Length.AtMost(80), ExampleHelp.PathOf(command));
            if (command.Subcommands.Count == 0)
                Assert.That(
                    output.TrimEnd().LastIndexOf("Examples:", StringComparison.Ordinal),
                    Is.GreaterThan(output.IndexOf("  -", StringComparison.Ordinal))
                );
            (_, var all, _) = Command.Run([.. ExampleHelp.PathOf(command).Split(' ').Skip(1), "--help", "all"]);
            Assert.That(command.Options.Where(o => !all.Contains(o.Name, StringComparison.Ordinal)).Select(o => o.Name), Is.Empty);
            Assert.That(all, Does.Contain("--device N").And.Contain("--json"));
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
    [TestCase("kernels --list --device -1", "Option --device is '-1'; it takes the number of a device")]
    [TestCase("kernels", "--list")]
    [TestCase("forgett", "did you mean 'forget'?")]
    [TestCase("xyzzy", "it has demo, train")]
    [TestCase("forget m --dta x -f class:1 -o o", "'lur forget' has no option --dta; did you mean '--data'?")]
    [TestCase("report --nonsense", "'lur report' has no option --nonsense")]
    [TestCase("forget m -d synthetic -f class:1 -o o --method salum", "'salum' is not known; did you mean 'salun'")]
    [TestCase("methods scrubb", "did you mean 'scrub'?")]
    [TestCase("forget m -d synthetic -f class:1 -o o --hvp exakt", "did you mean 'exact'?")]
    [TestCase("forget m", "'lur forget' needs --data DATA, --output FOLDER and --forget WHAT.")]
    [TestCase("eval", "'lur eval' needs MODEL and --data DATA.")]
    [TestCase("train -d synthetic -o o --validation 0,05", "Option --validation is '0,05'; it takes a share from 0 to below 1.")]
    [TestCase("train -d synthetic -o o --validation NaN", "Option --validation is 'NaN'")]
    [TestCase("train -d synthetic -o o --seed -1", "Option --seed is '-1'; it takes a whole number from 0")]
    [TestCase("train -d synthetic -o o --seed 1e3", "Option --seed is '1e3'; it takes a whole number from 0")]
    [TestCase("train -d synthetic -o o --image-size 8.0", "Option --image-size is '8.0'; it takes a number of pixels")]
    [TestCase("train -d synthetic:train=40,test=20 -o o --forget random:0", "'random:0': expected a number from 1 to 40")]
    [TestCase("train -d synthetic:train=40,test=20 -o o --forget random:-3", "'random:-3': expected a number from 1 to 40")]
    [TestCase("train -d synthetic:train=40,test=20 -o o --forget random:0%", "'random:0%': expected a percentage above 0")]
    [TestCase("train -d synthetic:train=40,test=20 -o o --forget random:100%", "'random:100%': expected a percentage above 0")]
    [TestCase("train -d synthetic -o o --seed", "Option --seed needs a value: --seed N.")]
    [TestCase("train -d synthetic -o o --device 99", "--device 99 does not exist; 'lur doctor' lists")]
    [TestCase("import f -d synthetic -o o --mean 0.5", "--mean and --deviation belong together")]
    [TestCase("import f -d synthetic -o o --mean 2 --std 1", "Option --mean is '2'; it takes numbers from 0 to 1")]
    [TestCase("verify run --shots 1,x", "Option --shots is '1,x'; it takes numbers of samples")]
    public void BadUsageIsOneSentenceAndCodeTwo(string line, string expected)
    {
        (var code, var output, var error) = Command.Run(line.Split(' '));
        Assert.That((code, output), Is.EqualTo((ExitCode.BadUsage, "")));
        Assert.That(error, Does.StartWith("lur: ").And.Contain(expected));
        // The sentence, and where to read more where it was about the command line and not about a value.
        Assert.That(error.TrimEnd().Split(Environment.NewLine), Has.Length.AtMost(2));
        Assert.That(error, Does.Not.Contain("defect"));
    }

    // Every option of every command that takes a number, with texts that other languages or programs take for numbers.
    [Test]
    public void NumbersAreReadTheSameOnEveryMachine()
    {
        var culture = System.Globalization.CultureInfo.CurrentCulture;
        var tried = 0;
        try
        {
            // A comma is the decimal sign here.
            var other = (System.Globalization.CultureInfo)culture.Clone();
            (other.NumberFormat.NumberDecimalSeparator, other.NumberFormat.NumberGroupSeparator) = (",", ".");
            System.Globalization.CultureInfo.CurrentCulture = other;
            foreach (var command in Tree(CommandLine.CreateRoot()).Where(c => c.Subcommands.Count == 0))
            foreach (var option in command.Options.Where(o => TakesANumber(o)))
            foreach (var text in new[] { "0,05", "1_000", "1 000", "1,000", "1.000,5", "\u0661", "0x10", "NaN" })
            {
                // As in an example, so that nothing else is missing.
                var example = CommandLine.CreateRoot().Parse(ExampleHelp.ExamplesOf(command)[0][4..]).Tokens.Select(t => t.Value).ToList();
                if (example.IndexOf(option.Name) is >= 0 and var there)
                    example.RemoveRange(there, 2);
                (var code, _, var error) = Command.Run([.. example, $"{option.Name}={text}"]);
                Assert.That(code, Is.EqualTo(ExitCode.BadUsage), $"{ExampleHelp.PathOf(command)} {option.Name}={text}: {error}");
                Assert.That(error, Does.StartWith("lur: ").And.Contain(option.Name).And.Contain(text));
                tried++;
            }
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = culture;
        }
        Assert.That(tried, Is.GreaterThan(100));
    }

    private static readonly HashSet<string> s_numbers =
    [
        .. Lur
            .Training.TrainingOptions.List.Concat(Lur.Unlearning.LurOptions.List)
            .Where(o => o.Kind is OptionKind.Number or OptionKind.Integer)
            .Select(o => o.Flag),
    ];

    private static bool TakesANumber(Option option) =>
        option.ValueType == typeof(int)
        || option.ValueType == typeof(int?)
        || option.ValueType == typeof(long)
        || option.ValueType == typeof(ulong)
        || option.ValueType == typeof(double)
        || (option.ValueType == typeof(string) && s_numbers.Contains(option.Name));

    [TestCase("data inspect synthetic:train=1,000")]
    [TestCase("data inspect synthetic:train=1_000")]
    [TestCase("data inspect synthetic:train=\u0661\u0661")]
    [TestCase("train --data synthetic:train=40,test=20 -o OUT --forget random:0,5%")]
    [TestCase("train --data synthetic:train=40,test=20 -o OUT --forget random:1,000")]
    [TestCase("train --data synthetic:train=40,test=20 -o OUT --model resnet18:w1_6")]
    [TestCase("train --data synthetic:train=40,test=20 -o OUT --model resnet[\u0661]:w4")]
    public void NumbersInSpecificationsToo(string line)
    {
        using var folder = new Lur.Tests.Data.TempFolder();
        (var code, var output, var error) = Command.Run(line.Replace("OUT", folder["out"], StringComparison.Ordinal).Split(' '));
        Assert.That((code, output), Is.EqualTo((ExitCode.BadUsage, "")), error);
        Assert.That(error, Does.StartWith("lur: "));
        Assert.That(Directory.Exists(folder["out"]), Is.False);
    }

    [Test]
    public void AnEmptyValueIsNamed()
    {
        (var code, _, var error) = Command.Run("train", "--data", "synthetic", "--output", "");
        Assert.That(
            (code, error.Split('\n')[0].TrimEnd()),
            Is.EqualTo((ExitCode.BadUsage, "lur: Option --output is empty; it takes FOLDER."))
        );
        (code, _, error) = Command.Run("report", "");
        Assert.That((code, error.Split('\n')[0].TrimEnd()), Is.EqualTo((ExitCode.BadUsage, "lur: The argument FOLDER is empty.")));
        (code, _, error) = Command.Run("kernels", "--precompile", "");
        Assert.That(code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(error, Does.Not.Contain("defect"));
    }

    [TestCase("data", "inspect")]
    [TestCase("check", "grad")]
    public void ACommandOfCommandsListsThem(string command, string sub)
    {
        (var code, var output, var error) = Command.Run(command);
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        Assert.That(output, Does.Contain("Commands:").And.Contain("  " + sub + "  "));
        (code, var other, _) = Command.Run("help", command);
        Assert.That((code, other), Is.EqualTo((ExitCode.Done, output)));
    }

    [Test]
    public void AMethodIsFoundInAnyCase()
    {
        (var code, var output, var error) = Command.Run("methods", "SalUn");
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("--mask-ratio"));
        Assert.That(global::Lur.Unlearning.MethodCatalog.Find("LUR").Name, Is.EqualTo("lur"));
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
            (new IOException("No space left on device."), ExitCode.Failed, "lur: No space left on device."),
            (new UnauthorizedAccessException("Access to '/x' is denied."), ExitCode.Failed, "lur: Access to '/x' is denied."),
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
