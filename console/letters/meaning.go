package letters

// meaning explains a reason: what is wrong, what would be right, and what to do.
type meaning struct{ wrong, right, do string }

const mendSender = "Have the sender corrected, and the record sent again. A replay of these bytes fails " +
	"again: discard the letter."

var meanings = map[string]meaning{
	"not-wire-format": {
		"The value does not begin as a record with a schema does.",
		"The first byte is 0 and the next four are the ID of the schema, or it is 1 and a GUID of 16 bytes " +
			"follows; or the header __value_schema_id has them. Then comes the data.",
		mendSender,
	},
	"unknown-schema": {
		"The registry has no schema with the ID that stands in the record.",
		"The ID is one that this installation's schema registry has given.",
		"If the registry lost the schema, or the producer has another one, mend that, then replay. " +
			"Otherwise discard the letter.",
	},
	"refused-schema": {
		"The registry does not give out the schema of this record, though it does others.",
		"The workers may read the schema.",
		"Give the workers the right to read the schema, then replay.",
	},
	"unusable-schema": {
		"The registry's schema for this record can't be used.",
		"The schema is one of the formats that are read, and not too large.",
		mendSender,
	},
	"unknown-type": {
		"Records of this type do not belong on this topic.",
		"The type is one of those that the topic's reader knows.",
		"If a newer version of the program knows the type, deploy it, then replay. Otherwise the sender " +
			"has the wrong topic: discard the letter.",
	},
	"incompatible-schema": {
		"The schema that it was written with does not lead to the one that it is read with.",
		"Each field that is read is in the record, or has a default, and has a type that fits.",
		"Deploy a version that reads this schema (processor schemas check tells), then replay.",
	},
	"undecodable": {
		"The bytes are not as the schema says that they were written with.",
		"The bytes are exactly the fields of the schema, in its order.",
		mendSender,
	},
	"too-large": {
		"The record, or what it leads to, is larger than a record may be.",
		"It is no larger than the setting topics.record-bytes.",
		"Raise the limit (first that of the topics), then replay; or have smaller records sent.",
	},
	"bad-header": {
		"A header is missing, or says something impossible.",
		"The headers are those of CloudEvents: ce_id, ce_type, ce_source, ce_time and so on.",
		mendSender,
	},
	"beyond-limits": {
		"An ID or a name is longer than it may be, or one that would be made of it is.",
		"An ID of a command has at most 1,017 bytes, a key at most 818, and both are UTF-8.",
		mendSender,
	},
	"wrong-partition": {
		"The record is not in the partition of its key.",
		"The producer places keys by murmur2, as Java's default does, and knows how many partitions there " +
			"are.",
		"Mend the producer's partitioner. A replay places the record right.",
	},
	"bad-time": {
		"The record has a time that no record may have.",
		"The time is between 1970 and the end of 2261, in milliseconds.",
		"Mend the producer's clock. A replay gives the record a new time.",
	},
	"not-yet-writable": {
		"It leads to something that the version of the release before can't read.",
		"No worker of the release before is left, and aggregates.NAME.write is latest.",
		"Finish the upgrade and allow the latest version, then replay.",
	},
	"bug": {
		"The program failed while it handled the record.",
		"The function that handles it returns an outcome or a rejection for anything that it may get.",
		"Mend the program and deploy it, then replay.",
	},
	"reaction-refused": {
		"The receiver refuses the event for good.",
		"The receiver answers that it has taken the event.",
		"Mend the receiver, then replay: only this reaction gets the event again.",
	},
	"reaction-panic": {
		"The function of the reaction panicked.",
		"The function returns an error instead.",
		"Mend the reaction and deploy it, then replay: only this reaction gets the event again.",
	},
	"reaction-gave-up": {
		"The receiver did not take the event for as long as it was tried.",
		"The receiver answers.",
		"When the receiver is back, replay: only this reaction gets the event again.",
	},
}

// meaningOf explains why a letter was set aside.
func meaningOf(l *Letter) meaning {
	m, known := meanings[l.Reason]
	if !known {
		m = meaning{
			"The record could not be handled; the message says more.", "",
			"Mend the cause that the message names, then replay; or discard the letter.",
		}
	}
	switch {
	case l.Projection != "":
		m.do = "Mend the projection " + l.Projection + " and rebuild it: the new build takes the event " +
			"again. Then discard the letter. A replay is refused: the event's aggregate and the other " +
			"projections have it."
	case l.CutBytes != "":
		m.do = "The record had " + l.CutBytes + " bytes, too many for the dead letters: only the topic " +
			"that it came from has it whole. A replay is refused."
	}
	return m
}

// stuck says why a letter can't be replayed; empty: it can, as far as is known here.
func stuck(l *Letter) string {
	switch {
	case l.Settled != nil:
		return "It is settled."
	case l.Projection != "":
		return "A projection could not take the event, and an event is not put back."
	case l.CutBytes != "":
		return "The record is not here: it was too large for the dead letters."
	}
	return ""
}
