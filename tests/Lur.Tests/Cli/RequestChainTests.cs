using System.Text.Json.Nodes;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>What a model has forgotten stays forgotten: later requests retain none of it, whatever they are told.</summary>
[NonParallelizable] // LUR_REFERENCES is the process's
public class RequestChainTests
{
    private const string Data = "synthetic:train=160,test=60,seed=5";
    private static readonly string[] s_train =
    [
        "train",
        "--data",
        Data,
        "--model",
        "resnet[1,1]:w4",
        "--epochs",
        "1",
        "--batch",
        "16",
        "--validation",
        "0.2",
    ];
    private TempFolder _temp = null!;
    private EnvironmentVariable _references = null!;

    private static string[] Request(string model, string output, params string[] more) =>
        ["forget", model, "--data", Data, "--method", "ft", "--epochs", "1", "--batch", "16", "-o", output, .. more];

    private int[] Samples(string run, string set) =>
        [.. JsonNode.Parse(File.ReadAllText(_temp[run + "/result.json"]))!["samples"]![set]!["index"]!.AsArray().Select(i => (int)i!)];

    private string Model(string run) => _temp[run + "/model.safetensors"];

    private DataSource? _source;

    /// <summary>What a file of samples lists.</summary>
    private int[] Listed(string file)
    {
        _source ??= DataSource.Open(Data);
        return ForgetSet.Resolve([file], _source.Train, [.. Enumerable.Range(0, 160)], 1).Forget;
    }

    [OneTimeSetUp]
    public void FiveRequests()
    {
        _temp = new TempFolder();
        _references = new EnvironmentVariable("LUR_REFERENCES", _temp["cache"]);
        Command.Judged([.. s_train, "-o", _temp["r0"]]);
        string[] requests = ["class:3", "random:10", "class:5", "random:10%", "class:7"];
        for (var i = 0; i < requests.Length; i++)
            Command.Judged(Request(Model($"r{i}"), _temp[$"r{i + 1}"], "--forget", requests[i], "--seed", $"{i + 1}"));
    }

    [OneTimeTearDown]
    public void Delete()
    {
        _references.Dispose();
        _source?.Dispose();
        _temp.Dispose();
    }

    [Test]
    public void TheFifthRequestRetainsNothingOfTheFourBefore()
    {
        using var source = DataSource.Open(Data);
        var split = DataSplit.Load(_temp["r0/split.json"], source.Train);
        int[] all = [];
        for (var i = 1; i <= 5; i++)
        {
            var forget = Samples($"r{i}", "forget");
            Assert.That(forget.Intersect(all), Is.Empty, "random choices pass over what is forgotten");
            if (i > 1)
                Assert.That(Samples($"r{i}", "earlier"), Is.EqualTo(all.Order()));
            all = [.. all, .. forget];
            var retain = Samples($"r{i}", "retain");
            Assert.That(retain, Is.EqualTo(split.Train.Except(all)), $"request {i}: neither forgotten nor validation");
            Assert.That(Listed(_temp[$"r{i}/forget.txt"]), Is.EqualTo(all.Order()));
            using var file = SafeTensorsFile.Open(Model($"r{i}"));
            Assert.That(file.Metadata["lur.forgotten-sha256"], Is.EqualTo(DataSplit.HashOf([.. all.Order()])));
        }

        var result = JsonNode.Parse(File.ReadAllText(_temp["r5/result.json"]))!;
        Assert.That(
            result["forgottenClasses"]!.AsArray().Select(c => source.Train.ClassNames.ToList().IndexOf((string)c!)),
            Is.EqualTo(new[] { 3, 5, 7 }),
            "the test accuracy is that of a model without the three"
        );
        // What the run says of itself is about its own request.
        var asked = source.Train.ClassNames[7];
        Assert.That(result["requestedClasses"]!.AsArray().Select(c => (string)c!), Is.EqualTo([asked]));
        var count = Samples("r5", "forget").Length;
        Assert.That(File.ReadAllText(_temp["r5/report.html"]), Does.Contain($"<h1>{asked}, {count} images</h1>"));
        Assert.That((int)result["earlierRequests"]!["images"]!, Is.EqualTo(Samples("r5", "earlier").Length));
        Assert.That((double)result["earlierRequests"]!["unlearnedAccuracy"]!, Is.InRange(0, 100));
        Assert.That(File.ReadAllText(_temp["r5/report.html"]), Does.Contain("Earlier requests"));
    }

    [Test]
    public void RetrainModelsAndAttacksLeaveOutTheWholeChain()
    {
        var text = Command
            .Judged("verify", _temp["r5"], "--retrain", "1", "--attacks", "none", "--relearn", "--shots", "0,4", "--relearn-steps", "2")
            .Text;
        Assert.That(text, Does.Contain("earlier requests"));
        var entry = Directory.GetDirectories(_temp["cache"]).Single();
        Assert.That(Listed(Path.Combine(entry, "forget.txt")), Is.EqualTo(Listed(_temp["r5/forget.txt"])));
        using (var file = SafeTensorsFile.Open(Path.Combine(entry, "model.safetensors")))
        using (var last = SafeTensorsFile.Open(Model("r5")))
            Assert.That(file.Metadata["lur.forgotten-sha256"], Is.EqualTo(last.Metadata["lur.forgotten-sha256"]));
        var verify = JsonNode.Parse(File.ReadAllText(_temp["r5/verify.json"]))!;
        Assert.That((int)verify["earlierRequests"]!["images"]!, Is.EqualTo(Samples("r5", "earlier").Length));
        // A model that saw what an earlier request had forgotten is no reference; one made from the union is.
        Command.Judged([.. s_train, "--forget", "class:7", "-o", _temp["less"]]);
        Command.Refused("was trained on", "verify", _temp["r5"], "--reference", _temp["less"]);
        Command.Judged([
            .. Request(Model("r0"), _temp["union"], "--forget", _temp["r5/forget.txt"]).Select(o => o == "ft" ? "retrain" : o),
        ]);
        Command.Judged("verify", _temp["r5"], "--reference", _temp["union"], "--attacks", "none");
    }

    [Test]
    public void AModelThatWasTrainedWithoutSamplesNeverRetainsThem()
    {
        Command.Judged([.. s_train, "--forget", "class:2", "-o", _temp["without"]]);
        Command.Judged(Request(Model("without"), _temp["later"], "--forget", "class:4"));
        Assert.That(Samples("later", "earlier"), Is.EqualTo(Listed(_temp["without/forget.txt"])));
    }

    [Test]
    public void WhatIsNamedAgainIsForgottenAgainOnlyWhenNothingElseIs()
    {
        Command.Judged(Request(Model("r1"), _temp["both"], "--forget", "class:3", "--forget", "class:4"));
        Assert.That(Samples("both", "earlier"), Is.EqualTo(Samples("r1", "forget")));
        Command.Judged(Request(Model("r2"), _temp["again"], "--forget", "class:3"));
        Assert.That(Samples("again", "forget"), Is.EqualTo(Samples("r1", "forget")));
        Assert.That(Samples("again", "earlier"), Is.EqualTo(Samples("r2", "forget")));
        Assert.That(Listed(_temp["again/forget.txt"]), Is.EqualTo(Listed(_temp["r2/forget.txt"])));
    }

    [Test]
    public void AModelThatWasMovedAloneAsksForItsLists()
    {
        Directory.CreateDirectory(_temp["alone"]);
        File.Copy(Model("r2"), _temp["alone/model.safetensors"]);
        var request = Request(_temp["alone/model.safetensors"], _temp["moved"], "--forget", "class:6");
        Command.Refused("--split", request);
        request = [.. request, "--split", _temp["r0/split.json"]];
        Command.Refused("--forgotten", request);
        Command.Refused("is not the list", [.. request, "--forgotten", _temp["r1/forget.txt"]]);
        File.WriteAllLines(_temp["second.txt"], Samples("r2", "forget").Select(i => $"{i}"));
        Command.Judged([.. request, "--forgotten", _temp["r1/forget.txt"], "--forgotten", _temp["second.txt"]]);
        Assert.That(Samples("moved", "earlier"), Is.EqualTo(Listed(_temp["r2/forget.txt"])));
        Assert.That(Directory.Exists(_temp["moved2"]), Is.False);

        // A list that was edited, another split, other data.
        File.Copy(_temp["r0/split.json"], _temp["alone/split.json"]);
        File.WriteAllText(_temp["alone/forget.txt"], "1\n2\n");
        Command.Refused("is not the list", Request(_temp["alone/model.safetensors"], _temp["moved2"], "--forget", "class:6"));
        Command.Judged([.. s_train, "--seed", "3", "-o", _temp["seed3"]]);
        Command.Refused(
            "is not the split",
            Request(Model("r1"), _temp["moved2"], "--forget", "class:6", "--split", _temp["seed3/split.json"])
        );
    }

    [Test]
    public void WhatIsForgottenGoesWithAModelThroughExportAndImport()
    {
        Command.Judged("export", Model("r1"), "-o", _temp["torch.safetensors"]);
        Command.Judged("import", _temp["torch.safetensors"], "--data", Data, "-o", _temp["back.safetensors"]);
        Command.Judged("export", _temp["back.safetensors"], "-o", _temp["torch2.safetensors"]);
        Command.Judged("import", _temp["torch2.safetensors"], "--data", Data, "-o", _temp["back2.safetensors"]);
        Command.Refused(
            "--forgotten",
            Request(_temp["back2.safetensors"], _temp["imported"], "--forget", "class:6", "--split", _temp["r0/split.json"])
        );
    }
}
