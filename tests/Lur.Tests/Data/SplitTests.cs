using System.Text.Json.Nodes;
using Lur.Data;

namespace Lur.Tests.Data;

public class SplitTests
{
    private static readonly SyntheticDataset s_data = new(203, 1, SyntheticPart.Train);

    [TestCase(0.0, 0)]
    [TestCase(0.1, 20)]
    [TestCase(0.001, 10)]
    [TestCase(0.999, 193)]
    public void TheSplitIsStratifiedDisjointAndComplete(double share, int held)
    {
        var split = DataSplit.Create(s_data, share, 7);
        Assert.That(split.Validation, Has.Length.EqualTo(held).And.Ordered);
        Assert.That(split.Train, Is.Ordered);
        Assert.That(split.Train.Concat(split.Validation).Order(), Is.EqualTo(Enumerable.Range(0, 203)));
        // Classes 0, 1, 2 have 21 samples, the others 20: at each share here the counts differ by one at most.
        var byClass = new int[10];
        foreach (var i in split.Validation)
            byClass[s_data.Label(i)]++;
        Assert.That(byClass.Max() - byClass.Min(), Is.LessThanOrEqualTo(1));
    }

    [Test]
    public void TheSeedDecides()
    {
        var a = DataSplit.Create(s_data, 0.1, 7).Validation;
        Assert.That(DataSplit.Create(s_data, 0.1, 7).Validation, Is.EqualTo(a));
        Assert.That(DataSplit.Create(s_data, 0.1, 8).Validation, Is.Not.EqualTo(a));
        Assert.That(() => DataSplit.Create(s_data, 1, 7), Throws.InstanceOf<UserErrorException>());
        Assert.That(() => DataSplit.Create(s_data, double.NaN, 7), Throws.InstanceOf<UserErrorException>());
    }

    [Test]
    public void ASavedSplitComesBack()
    {
        using var folder = new TempFolder();
        var split = DataSplit.Create(s_data, 0.2, ulong.MaxValue);
        split.Save(folder["split.json"]);
        var back = DataSplit.Load(folder["split.json"], s_data);
        Assert.Multiple(() =>
        {
            Assert.That(back.Train, Is.EqualTo(split.Train));
            Assert.That(back.Validation, Is.EqualTo(split.Validation));
            Assert.That((back.Seed, back.ValidationShare, back.Fingerprint), Is.EqualTo((ulong.MaxValue, 0.2, s_data.Fingerprint())));
        });
    }

    [TestCase(int.MinValue)]
    [TestCase(-1)]
    [TestCase(0)]
    [TestCase(int.MaxValue)]
    public void ACountThatTheListsDoNotHaveIsRefused(int count)
    {
        using var folder = new TempFolder();
        DataSplit.Create(s_data, 0.2, 1).Save(folder["s"]);
        var document = JsonNode.Parse(File.ReadAllText(folder["s"]))!;
        document["count"] = count;
        File.WriteAllText(folder["s"], document.ToJsonString());
        Assert.That(Fails(folder["s"], s_data), Does.Contain($"the count is {count}, but the lists name 163 samples"));
    }

    [Test]
    public void OtherDataIsRefused()
    {
        using var folder = new TempFolder();
        DataSplit.Create(s_data, 0.2, 1).Save(folder["s"]);
        Assert.That(Fails(folder["s"], new SyntheticDataset(203, 2, SyntheticPart.Train)), Does.Contain("fingerprint"));
        Assert.That(Fails(folder["s"], new SyntheticDataset(204, 1, SyntheticPart.Train)), Does.Contain("203 samples"));
    }

    [TestCase("train", "SHA-256 of the train list")]
    [TestCase("validation", "SHA-256 of the validation list")]
    [TestCase("version", "version 2, expected 1")]
    public void AnEditedSplitIsRefused(string key, string expected)
    {
        using var folder = new TempFolder();
        DataSplit.Create(s_data, 0.2, 1).Save(folder["s"]);
        var json = JsonNode.Parse(File.ReadAllText(folder["s"]))!;
        if (json[key] is JsonArray list)
            list[0] = 1 + (int)list[0]!;
        else
            json[key] = 2;
        File.WriteAllText(folder["s"], json.ToJsonString());
        Assert.That(Fails(folder["s"], s_data), Does.Contain(expected));
    }

    [Test]
    public void OverlapIsRefusedEvenWithRightHashes()
    {
        using var folder = new TempFolder();
        var split = DataSplit.Create(s_data, 0.2, 1);
        split.Save(folder["s"]);
        var json = JsonNode.Parse(File.ReadAllText(folder["s"]))!;
        json["validation"] = json["train"]!.DeepClone();
        json["validation_sha256"] = DataSplit.HashOf(split.Train);
        File.WriteAllText(folder["s"], json.ToJsonString());
        Assert.That(Fails(folder["s"], s_data), Does.Contain("once"));
    }

    [TestCase("")]
    [TestCase("null")]
    [TestCase("[1]")]
    [TestCase("{\"train\": null}")]
    [TestCase("{\"train\": [1.5]}")]
    public void WhatIsNoSplitIsRefused(string text)
    {
        using var folder = new TempFolder();
        var path = folder.Write("s", text);
        Assert.That(Fails(path, s_data), Does.Contain(path));
        Assert.That(Fails(folder["none"], s_data), Does.Contain("does not exist"));
    }

    private static string Fails(string path, IImageDataset data) =>
        Assert.Throws<UserErrorException>(() => DataSplit.Load(path, data))!.Message;
}
