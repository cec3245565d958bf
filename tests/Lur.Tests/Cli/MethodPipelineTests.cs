using System.Text.Json;
using Lur.Cli;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>lur forget with the methods beside LUR, end to end on small generated data: same seed, same bytes.</summary>
public class MethodPipelineTests
{
    private const string Data = "synthetic:train=60,test=20,seed=5";
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
    [TestCase("salun")]
    [TestCase("salun", "--compat", "--mask-ratio", "0.2")]
    public void RunsAndRepeatsToTheByte(string method, params string[] options)
    {
        var folders = new[] { "a", "b" }.Select(n => _temp[$"{method}{options.Length}{n}"]).ToArray();
        foreach (var folder in folders)
        {
            var (code, error) = Lur(["forget", _model, "--data", Data, "--forget", "random:20", "--method", method, "--epochs", "2", "--batch", "16", "-o", folder, .. options]);
            Assert.That(code, Is.Zero, error);
        }

        byte[] Bytes(string folder, string file) => File.ReadAllBytes(Path.Combine(folder, file));
        Assert.That(Bytes(folders[0], "model.safetensors"), Is.EqualTo(Bytes(folders[1], "model.safetensors")), "same seed, same bytes");
        Assert.That(Bytes(folders[0], "log.csv"), Is.EqualTo(Bytes(folders[1], "log.csv")));
        Assert.That(Bytes(folders[0], "model.safetensors"), Is.Not.EqualTo(File.ReadAllBytes(_model)));
        using var result = JsonDocument.Parse(Bytes(folders[0], "result.json"));
        Assert.That(result.RootElement.GetProperty("method").GetString(), Is.EqualTo(method));
    }

    [TestCase("salun", "--mask-ratio", "0")]
    [TestCase("salun", "--mask-ratio", "1.5")]
    [TestCase("neggrad", "--lambda", "-1")]
    [TestCase("rl", "--mask-ratio", "0.5")]
    public void ImpossibleOptionsAreNamed(string method, string option, string value)
    {
        var (code, error) = Lur("forget", _model, "--data", Data, "--forget", "random:20", "--method", method, "-o", _temp["nowhere"], option, value);
        Assert.That(code, Is.EqualTo(ExitCode.BadUsage));
        Assert.That(error, Does.Contain(option));
    }
}
