using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lur.Tests.Architecture;

namespace Lur.Tests.Cli;

/// <summary>The part of JSON Schema 2020-12 that the schemas in docs/ use. A keyword it does not know is an error, so that
/// nothing in the schema goes unchecked.</summary>
/// <remarks>Own because there is no package for it: JsonSchema.Net asks a fee of who ships with it, NJsonSchema stops at draft 4.</remarks>
internal sealed class JsonSchema(JsonElement root)
{
    private static readonly string[] s_annotations = ["$schema", "title", "description", "$defs"];

    /// <summary>Every way in which a value departs from a definition ("" for the whole schema), one line each.</summary>
    public IReadOnlyList<string> Check(JsonElement value, string definition)
    {
        var errors = new List<string>();
        Check(value, definition.Length == 0 ? root : root.GetProperty("$defs").GetProperty(definition), "$", errors);
        return errors;
    }

    /// <summary>Reads a published schema.</summary>
    /// <param name="name">File in docs/.</param>
    public static JsonSchema Open(string name)
    {
        using var document = JsonDocument.Parse(Repository.Read("docs/" + name));
        return new JsonSchema(document.RootElement.Clone());
    }

    /// <summary>Asserts that a file is of a definition, and that the definition asks for something: it notices each field that is
    /// missing, each of another type and, where it is closed, one too many.</summary>
    /// <param name="text">The file.</param>
    /// <param name="definition">Name of the definition; "" for the whole schema.</param>
    /// <param name="optional">Fields that may be missing.</param>
    /// <param name="open">Whether further fields are allowed.</param>
    public void RequireExactly(string text, string definition, IReadOnlyList<string> optional, bool open = false)
    {
        Assert.That(Errors(JsonNode.Parse(text)!.AsObject()), Is.Empty, definition);
        foreach (var name in JsonNode.Parse(text)!.AsObject().Select(p => p.Key))
        {
            var less = JsonNode.Parse(text)!.AsObject();
            less.Remove(name);
            Assert.That(Errors(less), optional.Contains(name) ? Is.Empty : Is.EqualTo(new[] { $"$ lacks {name}" }));
            var other = JsonNode.Parse(text)!.AsObject();
            other[name] = new JsonArray(new JsonArray());
            Assert.That(Errors(other), Is.Not.Empty, $"{name} of another type");
        }

        var more = JsonNode.Parse(text)!.AsObject();
        more["surprise"] = 1;
        Assert.That(Errors(more), open ? Is.Empty : Is.EqualTo(new[] { "$ has surprise, which the schema does not" }));

        IReadOnlyList<string> Errors(JsonObject value)
        {
            using var document = JsonDocument.Parse(value.ToJsonString());
            return Check(document.RootElement, definition);
        }
    }

    private void Check(JsonElement value, JsonElement schema, string path, List<string> errors)
    {
        foreach (var keyword in schema.EnumerateObject().Where(k => !s_annotations.Contains(k.Name)))
        {
            var k = keyword.Value;
            var isNumber = value.ValueKind == JsonValueKind.Number;
            switch (keyword.Name)
            {
                case "$ref":
                    Check(value, Resolve(k.GetString()!), path, errors);
                    break;
                case "oneOf":
                    var matches = k.EnumerateArray().Count(s => Matches(value, s));
                    Require(matches == 1, $"matches {matches} alternatives");
                    break;
                case "type":
                    Require(
                        (k.ValueKind == JsonValueKind.Array ? k.EnumerateArray() : Enumerable.Repeat(k, 1)).Any(t =>
                            IsOfType(value, t.GetString()!)
                        ),
                        $"is {value.ValueKind}, not {k}"
                    );
                    break;
                case "const":
                    Require(JsonElement.DeepEquals(value, k), $"is {value}, not {k}");
                    break;
                case "enum":
                    Require(k.EnumerateArray().Any(e => JsonElement.DeepEquals(value, e)), $"is {value}, not one of {k}");
                    break;
                case "minimum":
                    Require(!isNumber || value.GetDouble() >= k.GetDouble(), $"is {value}, less than {k}");
                    break;
                case "maximum":
                    Require(!isNumber || value.GetDouble() <= k.GetDouble(), $"is {value}, more than {k}");
                    break;
                case "pattern":
                    Require(
                        value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, k.GetString()!),
                        $"'{value}' is not of the form {k}"
                    );
                    break;
                case "minItems":
                    Require(
                        value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= k.GetInt32(),
                        $"has fewer than {k} entries"
                    );
                    break;
                case "required":
                    foreach (
                        var name in k.EnumerateArray()
                            .Where(n => value.ValueKind == JsonValueKind.Object && !value.TryGetProperty(n.GetString()!, out _))
                    )
                        errors.Add($"{path} lacks {name}");
                    break;
                case "properties" or "additionalProperties" or "items":
                    break;
                default:
                    throw new NotSupportedException($"The keyword '{keyword.Name}' at {path} is not checked.");
            }
        }

        CheckParts(value, schema, path, errors);

        void Require(bool holds, string error)
        {
            if (!holds)
                errors.Add($"{path} {error}");
        }
    }

    private void CheckParts(JsonElement value, JsonElement schema, string path, List<string> errors)
    {
        if (value.ValueKind == JsonValueKind.Array && schema.TryGetProperty("items", out var items))
        {
            foreach (var (i, item) in value.EnumerateArray().Index())
                Check(item, items, $"{path}[{i}]", errors);
        }

        if (value.ValueKind != JsonValueKind.Object)
            return;
        foreach (var property in value.EnumerateObject())
        {
            if (schema.TryGetProperty("properties", out var known) && known.TryGetProperty(property.Name, out var own))
                Check(property.Value, own, $"{path}.{property.Name}", errors);
            else if (schema.TryGetProperty("additionalProperties", out var rest))
            {
                if (rest.ValueKind == JsonValueKind.False)
                    errors.Add($"{path} has {property.Name}, which the schema does not");
                else
                    Check(property.Value, rest, $"{path}.{property.Name}", errors);
            }
        }
    }

    private bool Matches(JsonElement value, JsonElement schema)
    {
        var errors = new List<string>();
        Check(value, schema, "$", errors);
        return errors.Count == 0;
    }

    private JsonElement Resolve(string reference)
    {
        const string prefix = "#/$defs/";
        Assert.That(reference, Does.StartWith(prefix));
        return root.GetProperty("$defs").GetProperty(reference[prefix.Length..]);
    }

    private static bool IsOfType(JsonElement value, string type) =>
        type switch
        {
            "null" => value.ValueKind == JsonValueKind.Null,
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "number" => value.ValueKind == JsonValueKind.Number,
            "integer" => value.ValueKind == JsonValueKind.Number && value.GetDouble() == Math.Floor(value.GetDouble()),
            "string" => value.ValueKind == JsonValueKind.String,
            "array" => value.ValueKind == JsonValueKind.Array,
            "object" => value.ValueKind == JsonValueKind.Object,
            _ => throw new NotSupportedException($"There is no type '{type}'."),
        };
}
