namespace Lur.Reports;

/// <content>Columns of what runs leave on record: requests, samples, files.</content>
public static partial class Glossary
{
    private static GlossaryEntry[] Records =>
        [
            new(
                "command",
                "Made by",
                "Command that wrote a model: train, or forget.",
                "A model that Lur did not make has none; its history begins with the file."
            ),
            new(
                "state",
                "State",
                "Whether a model of a lineage still lies where it was made: there, purged, or not there.",
                "What 'lur purge' deleted is on record in audit.jsonl; the records of its run stay and tell what came before it."
            ),
            new("request", "Request", "What a run was asked to forget, as it was typed.", "result.json lists the samples that this meant."),
            new(
                "samples",
                "Samples",
                "Number of samples that a request names.",
                "Copies that were forgotten with them (--also-copies) count."
            ),
            new(
                "finished",
                "Date",
                "When a run ended, in universal time.",
                "It is no part of the model: the same run on another day gives the same bytes."
            ),
            new(
                "sha256",
                "SHA-256",
                "Hash of a file or of a sample's content, shortened in tables.",
                "Equal hashes are equal content; a sample whose hash is another is not the one that was meant.",
                "",
                "modelSha256"
            ),
            new(
                "forgottenSha256",
                "List",
                "Hash of the list of every sample that a model has forgotten so far.",
                "The model's file carries it; a forget.txt that does not fit is refused."
            ),
            new("path", "Path", "Where a file or a folder lies.", "One that is not there any more is named all the same."),
            new(
                "number",
                "Number",
                "Place of a sample in the data set as it lies on disk, from 0.",
                "It counts every sample, whatever part is held out; 'sample:N' means the same."
            ),
            new(
                "same",
                "Same",
                "Whether two pictures are equal pixel by pixel, or only look alike.",
                "Equal ones are found by 'lur forget' too; those that only look alike are not."
            ),
            new("first", "Sample", "A picture that another looks like.", "Its number and its name."),
            new(
                "second",
                "Looks like",
                "The picture that looks like it.",
                "A copy in another part of the data set keeps alive what is forgotten."
            ),
        ];
}
