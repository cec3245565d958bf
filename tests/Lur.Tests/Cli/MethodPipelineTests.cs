using System.Text.Json;
using Lur.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>lur forget with the methods beside LUR, end to end on small generated data; that runs repeat to the bit is
/// tested on the methods themselves.</summary>
public class MethodPipelineTests
{
    private const string Data = "synthetic:train=40,test=10,seed=5";
    private TempFolder _temp = null!;
    private string _model = null!;

    private static (int Code, string Error) Lur(params string[] args)
    {
        using StringWriter output = new(), error = new();
        var code = CommandLine.RunAsync(args, output, error).GetAwaiter().GetResult();
        return (code, error.ToString());
    }

    [OneTimeSetUp]
    public void Train()
    {
        _temp = new TempFolder();
        var (code, error) = Lur("train", "--data", Data, "--model", "resnet[1,1]:w4:stem7", "--epochs", "1", "--batch", "16", "-o", _temp["base"]);
        Assert.That(code, Is.Zero, error);
        _model = _temp["base/model.safetensors"];
    }

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    [TestCase("neggrad")]
    [TestCase("rl", "--relabel", "concat", "--label-draw", "any")]
    [TestCase("salun-soft")]
    [TestCase("scissorhands")]
    [TestCase("scissorhands", "--memory", "2", "--compat", "--project-every", "2")]
    [TestCase("salun")]
    public void RunsAndLeavesAModel(string method, params string[] options)
    {
        var folder = _temp[$"{method}{options.Length}"];
        var (code, error) = Lur(["forget", _model, "--data", Data, "--forget", "random:20", "--method", method, "--epochs", "1", "--batch", "20", "-o", folder, .. options]);
        Assert.That(code, Is.Zero, error);
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")), Is.Not.EqualTo(File.ReadAllBytes(_model)));
        Assert.That(File.ReadAllLines(Path.Combine(folder, "log.csv")), Has.Length.GreaterThan(1), "a header and a step");
        using var result = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "result.json")));
        Assert.That(result.RootElement.GetProperty("method").GetString(), Is.EqualTo(method));
    }

    [TestCase("salun", "--mask-ratio", "0")]
    [TestCase("salun", "--mask-ratio", "1.5")]
    [TestCase("neggrad", "--lambda", "-1")]
    [TestCase("scissorhands", "--memory", "0")]
    [TestCase("scissorhands", "--trim", "1")]
    [TestCase("rl", "--mask-ratio", "0.5")]
    public void ImpossibleOptionsAreNamed(string method, string option, string value)
    {
        var (code, error) = Lur("forget", _model, "--data", Data, "--forget", "random:20", "--method", method, "-o", _temp["nowhere"], option, value);
        Assert.That(code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(error, Does.Contain(option));
    }
}
