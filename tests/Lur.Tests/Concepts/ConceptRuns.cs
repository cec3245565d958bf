using System.Text.Json.Nodes;
using Lur.Checkpoints;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Runs;
using Lur.Tests.Data;

namespace Lur.Tests.Concepts;

/// <summary>Random models that are told the generated captions, in folders of runs of 'lur forget' that were made by hand: what they draw
/// is noise, and what is written about it is to be right all the same.</summary>
internal sealed class ConceptRuns : IDisposable
{
    public const string Data = "captions:train=600,test=90";
    private const int Tokens = 10;
    private readonly TempFolder _temp = new();
    private readonly EnvironmentVariable _references;

    public ConceptRuns()
    {
        _references = new EnvironmentVariable("LUR_REFERENCES", _temp["cache"]);
        Write("original/model.safetensors", 1);
        Write("retrained/model.safetensors", 2);
        _temp.Write(
            "prompts.json",
            """
            { "concept": "star",
              "forgotten": { "named": ["a red star", "a blue star"], "synonym": ["a red sparkle"],
                             "composition": ["a red star above a red ring"] },
              "kept": { "neighbour": ["a red ring", "a blue disc"] },
              "others": ["ring", "disc"] }
            """
        );
    }

    public string this[string name] => _temp[name];

    public string Prompts => this["prompts.json"];

    public string Reference => this["retrained/model.safetensors"];

    /// <summary>A file in the folder.</summary>
    public string Add(string name, string text) => _temp.Write(name, text);

    /// <summary>The folder of a run that forgot by drawing rings under the captions of red stars.</summary>
    public string Make(string name, string forget = "caption:star,sparkle,five pointed")
    {
        using (var model = Create(name, 1))
        {
            int Label(string caption) => CaptionsDataset.Captions.ToList().IndexOf(caption);
            Verification.Concepts.PromptRows.Write(
                model,
                Label("a red star"),
                Verification.Concepts.PromptRows.Read(model, Label("a red ring"))
            );
            ModelFile.Save(model, _temp[$"{name}/model.safetensors"]);
        }

        using var source = DataSource.Open(Data);
        var split = DataSplit.Create(source.Train, 0, 1);
        split.Save(_temp[$"{name}/split.json"]);
        var set = ForgetSet.Resolve([forget], source, split.Train, 1);
        set.Save(_temp[$"{name}/forget.txt"]);
        var config = new JsonObject
        {
            ["command"] = "forget",
            ["method"] = "made",
            ["version"] = "1.2.3",
            ["model"] = this["original/model.safetensors"],
            ["data"] = Data,
            ["forget"] = new JsonArray(forget),
            ["seed"] = 1,
        };
        var result = new JsonObject
        {
            ["command"] = "forget",
            ["method"] = "made",
            ["modelSha256"] = Sha256(this[$"{name}/model.safetensors"]),
            ["parentSha256"] = Sha256(this["original/model.safetensors"]),
            ["forgetSha256"] = set.Sha256(),
        };
        File.WriteAllText(this[$"{name}/config.json"], config.ToJsonString());
        File.WriteAllText(this[$"{name}/result.json"], result.ToJsonString());
        return this[name];
    }

    public void Dispose()
    {
        _references.Dispose();
        _temp.Dispose();
    }

    // Its rows are those that the text encoder beside it gives.
    private Model Create(string folder, ulong seed)
    {
        var pipeline = this[$"{folder}/{PromptFolder.Name}"];
        TinyText.Write(pipeline, CaptionsDataset.Captions, Tokens);
        var model = TinyPrompts.Create(Precision.Float32, CaptionsDataset.Captions, seed, CaptionsDataset.Side, Tokens);
        model.Buffers.Set(PromptBook.Rows(pipeline, model, [.. CaptionsDataset.Captions, ""]));
        return model;
    }

    private void Write(string name, ulong seed)
    {
        using var model = Create(Path.GetDirectoryName(name)!, seed);
        ModelFile.Save(model, this[name]);
    }

    private static string Sha256(string path)
    {
        using var file = SafeTensorsFile.Open(path);
        return file.Sha256();
    }
}
